package DirectStream::YouTube;

# The stand-in for YouTube's API, t/tools/youtube-api, in a test: its state,
# and what is told to it.

use strict;
use warnings;


sub new {
    my ($class, $t) = @_;

    my $file = "$t->{dir}/youtube.port";
    my $pid = $t->run('youtube-api', $^X,
                      "$DirectStream::Test::ROOT/t/tools/youtube-api",
                      '--port-file', $file);

    my $port = $t->wait_for(sub {
        my ($p) = $t->read_file($file) =~ /^(\d+)/;
        return $p;
    }, 10, 'the stand-in for YouTube');

    die $t->read_file('youtube-api.log') unless $port;

    return bless { t => $t, pid => $pid, url => "http://127.0.0.1:$port" },
                 $class;
}


sub url {
    my ($self) = @_;
    return $self->{url};
}


# a file of credentials that it takes
sub credentials {
    my ($self, %with) = @_;

    my $t = $self->{t};
    my $file = $t->write_file('youtube.json', $t->{json}->encode({
        client_id => 'client', client_secret => 'client-SECRET',
        refresh_token => 'refresh-SECRET', %with,
    }));

    chmod 0600, $file;

    return $file;
}


sub request {
    my ($self, $method, $path, $content) = @_;

    my $json = $self->{t}{json};
    my $r = $self->{t}{http}->request($method, "$self->{url}/$path",
        defined $content ? { content => $json->encode($content) } : {});

    die "youtube-api: $r->{status} $r->{content}\n" unless $r->{success};

    return $json->decode($r->{content});
}


sub set {
    my ($self, %what) = @_;
    return $self->request('POST', 'control', \%what);
}


sub state {
    my ($self) = @_;
    return $self->request('GET', 'state');
}


# those in a state of life, or all
sub broadcasts {
    my ($self, $life) = @_;

    return grep { !defined $life || $_->{life} eq $life }
           @{ $self->state->{broadcasts} };
}


sub calls {
    my ($self, $call) = @_;
    return $self->state->{calls}{$call} || 0;
}


1;
