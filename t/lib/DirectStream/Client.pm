package DirectStream::Client;

# The part of DirectStream::Test that uses nginx from outside: the API, the
# viewer at the far end, the media server, the resolver's stand-in.

use strict;
use warnings;

use File::Copy ();
use JSON::PP ();
use Test::More ();
use Time::HiRes ();

use DirectStream::Flow;
use DirectStream::Media;
use DirectStream::Schema;


sub diag {
    Test::More::diag(@_);
}


# the API

sub base {
    my ($self) = @_;
    return "http://127.0.0.1:$self->{nginx}{near}{http}";
}


# (status, decoded body, response)
sub api {
    my ($self, $method, $path, $body, %args) = @_;

    my $options = { headers => { %{ $args{headers} || {} } } };

    if (defined $body) {
        $options->{content} = ref $body ? $self->{json}->encode($body) : $body;
    }

    if ($method =~ /^(?:POST|PUT|PATCH)$/) {
        $options->{headers}{'Content-Type'} ||= 'application/json';
    }

    my $r = $self->{http}->request($method,
                                   $self->base . "/directstream/$path",
                                   $options);

    my $data = eval { $self->{json}->decode($r->{content}) };

    $self->described($method, $path, $r, $data);

    return wantarray ? ($r->{status}, $data, $r) : $r->{status};
}


# is an answer as openapi.json describes it?  Of each kind the first ones: the
# rest would take time
sub described {
    my ($self, $method, $path, $r, $data) = @_;

    return unless $path =~ m{^(?:\.\./\w+/)?api(/.*)} && $r->{status} < 599;

    my $rest = $1;

    # nginx itself, of what is no path
    return if $r->{status} == 400
              && ($r->{headers}{'content-type'} || '') =~ m{^text/html};

    # which of its members are there has been asked for
    return if $rest =~ /[?&]fields=/;

    my $api = $self->{described} ||= DirectStream::Schema->new(
        $self->{json}->decode($self->read_file(
            "$DirectStream::Test::ROOT/src/nginx/openapi.json")));
    my ($template, $op) = $api->operation($method, $rest);

    return unless $op && ++$self->{answers}{"$method $template $r->{status}"}
                         <= 3;

    $self->{undescribed}{$_} = 1 for $api->answer($method, $rest, $r, $data);

    return;
}


# defines and starts a stream that is pushed to the far end
sub create {
    my ($self, $name, $playlist, %def) = @_;

    my %body = (name => $name, playlist => $playlist, %def);

    if ($self->{far} && !exists $body{push} && !$body{outputs}) {
        $body{push} = $self->push_url($name);
    }

    my ($status, $data, $r) = $self->api('POST', 'api/1/streams', \%body);

    if ($status != 201) {
        diag("POST $name: $status $r->{content}");
    }

    return ($status, $data, $r);
}


sub status {
    my ($self, $name) = @_;

    my ($status, $data) = $self->api('GET', "api/1/streams/$name");

    return $status == 200 ? $data : undef;
}


# a stream's status, wherever the answer keeps it
sub state {
    my ($self, $name) = @_;

    my $s = $self->status($name) or return '';
    return $s->{state} || ($s->{status} && $s->{status}{state}) || '';
}


sub field {
    my ($self, $name, @path) = @_;

    my $s = $self->status($name) or return undef;
    $s = $s->{status} if ref $s->{status} eq 'HASH';

    for my $key (@path) {
        return undef unless ref $s eq 'HASH';
        $s = $s->{$key};
    }

    return $s;
}


sub wait_state {
    my ($self, $name, $state, $seconds) = @_;

    my $last = '';

    my $ok = $self->wait_for(sub {
        $last = $self->state($name);
        return $last =~ /^(?:$state)$/;
    }, $seconds || 15);

    diag("state of \"$name\" is \"$last\", not \"$state\"") unless $ok;

    return $ok;
}


sub wait_error {
    my ($self, $name, $code, $seconds) = @_;

    my $last;

    my $ok = $self->wait_for(sub {
        $last = $self->field($name, 'error', 'code');
        return defined $last && $last eq $code;
    }, $seconds || 15);

    diag("error of \"$name\" is " . (defined $last ? "\"$last\"" : 'none')
         . ", not \"$code\"") unless $ok;

    return $ok;
}


sub items {
    my ($self, $name, $query) = @_;

    my ($status, $data) = $self->api('GET', "api/1/streams/$name/items"
                                     . ($query || ''));
    return () unless $status == 200;

    return @{ ref $data eq 'ARRAY' ? $data : $data->{items} };
}


# the far end seen by a viewer

sub watch {
    my ($self, $key, %args) = @_;

    my $name = $args{name} || "watch-$key";
    my $url = $args{url} || $self->push_url($key);
    my @argv = ("$DirectStream::Test::BUILD/watch",
                '--wait', $args{wait} || 60);

    push @argv, '--seconds', $args{seconds} if $args{seconds};
    push @argv, '--idle', $args{idle} if $args{idle};

    my $pid = $self->run($name, @argv, $url);
    $self->{watch}{$name} = { pid => $pid, name => $name };

    return $name;
}


# what has come so far
sub flow {
    my ($self, $name) = @_;
    return DirectStream::Flow->load("$self->{dir}/$name.out");
}


# the flow when it has ended, or been ended
sub watched {
    my ($self, $name, $seconds) = @_;

    my $w = delete $self->{watch}{$name};

    if (defined $seconds) {
        my $status = $self->wait_pid($w->{pid}, $seconds);

        if (!defined $status) {
            diag("$name did not end in $seconds s");
            $self->stop_pid($w->{pid});
        }

    } else {
        $self->stop_pid($w->{pid});
    }

    return $self->flow($name);
}


sub wait_packet {
    my ($self, $name, $seconds, $track) = @_;

    my $p;

    $self->wait_for(sub { $p = $self->flow($name)->first($track || 'V') },
                    $seconds || 15, "a packet at $name");
    return $p;
}


# the first video with pictures of that size: the slate's is another
sub wait_picture {
    my ($self, $name, $picture, $seconds) = @_;

    my $p;

    $self->wait_for(sub { ($p) = $self->flow($name)->of_picture($picture) },
                    $seconds || 15, "pictures of $picture at $name");
    return $p;
}


# waits until "n" headers of new items, or packets, whatever "test" says
sub wait_flow {
    my ($self, $name, $test, $seconds) = @_;

    my $flow;

    $self->wait_for(sub {
        $flow = $self->flow($name);
        local $_ = $flow;
        return $test->($flow);
    }, $seconds || 30, "the wanted flow at $name");

    return $flow;
}


# waits until the queues between us and the viewer are empty
sub wait_drained {
    my ($self, $name, $seconds) = @_;

    my $count = -1;

    return $self->wait_for(sub {
        my $last = $count;
        $count = $self->flow($name)->count;
        Time::HiRes::sleep(0.3);
        return $count == $last;
    }, $seconds || 10);
}


# helpers around: the media server and the resolver's stand-in

sub media {
    my ($self) = @_;

    return $self->{media} if $self->{media};

    my $file = "$self->{dir}/media.port";
    my $clips = DirectStream::Media::dir();

    mkdir "$self->{dir}/www";
    symlink $_, "$self->{dir}/www/" . (split m{/})[-1] for glob "$clips/*.*";

    my $pid = $self->run('media-server', $^X,
                         "$DirectStream::Test::ROOT/t/tools/media-server",
                         '--root', "$self->{dir}/www",
                         '--port', 0, '--port-file', $file,
                         '--log', "$self->{dir}/media.log");

    my $port = $self->wait_for(sub {
        my ($p) = $self->read_file($file) =~ /^(\d+)/;
        return $p;
    }, 10, 'the media server');

    die $self->read_file('media-server.log') unless $port;

    $self->{media} = "http://127.0.0.1:$port";
    $self->{media_pid} = $pid;

    return $self->{media};
}


sub media_url {
    my ($self, $name, $query) = @_;

    return $self->media . "/$name" . ($query ? "?$query" : '');
}


sub stub_command {
    my ($self) = @_;

    # a worker may not be allowed where the sources are
    my $stub = "$self->{dir}/yt-dlp-stub";

    if (!-e $stub) {
        File::Copy::copy("$DirectStream::Test::ROOT/t/tools/yt-dlp-stub",
                         $stub) or die "$stub: $!\n";
        chmod 0755, $stub;
    }

    return "$stub --stub-dir $self->{dir}/stub";
}


# describes a playlist; returns its URL
sub stub_list {
    my ($self, $name, %list) = @_;

    $self->write_file("stub/$name.json", $self->{json}->encode(\%list));

    return "https://www.youtube.com/playlist?list=$name";
}


# an entry of such a list, played from the media server
sub stub_entry {
    my ($self, $id, $media, %more) = @_;

    my @urls = map { /^http/ ? $_ : $self->media_url($_) }
               ref $media ? @$media : ($media);

    return { id => $id, title => "Title of $id", duration => 2,
             urls => \@urls, %more };
}


sub stub_calls {
    my ($self, $stage) = @_;

    my @calls = map { eval { JSON::PP::decode_json($_) } || () }
                split /\n/, $self->read_file('stub/calls.log');

    return grep { !defined $stage || $_->{stage} eq $stage } @calls;
}


# a file that the media server gives out; returns its URL
sub publish_file {
    my ($self, $name, $text) = @_;

    my $url = $self->media_url($name);
    $self->write_file("www/$name", $text);

    return $url;
}


# a list of plain media URLs, no resolver; returns its URL
sub plain_list {
    my ($self, $name, @items) = @_;

    @items = map { ref $_ || /^http/ ? $_ : $self->media_url($_) } @items;

    return $self->publish_file("$name.json", $self->{json}->encode(\@items));
}


1;
