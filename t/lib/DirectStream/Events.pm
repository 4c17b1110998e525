package DirectStream::Events;

# A client of api/1/events.  HTTP/1.0, so that what is read is what was sent,
# without chunks.

use strict;
use warnings;

use IO::Socket::INET;
use JSON::PP ();


sub new {
    my ($class, $t, %args) = @_;

    my $port = $args{port} || $t->{nginx}{near}{http};
    my $path = $args{path} || '/directstream/api/1/events';

    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
        or die "connect: $!\n";

    my $head = defined $args{last} ? "Last-Event-ID: $args{last}\r\n" : '';
    $head .= "Authorization: Bearer $args{token}\r\n" if $args{token};
    $s->syswrite("GET $path HTTP/1.0\r\nHost: 127.0.0.1\r\n"
                 . "Accept-Encoding: gzip\r\n$head\r\n");
    $s->blocking(0);

    return bless { s => $s, t => $t, raw => '', head => undef, rest => '',
                   events => [], end => 0 }, $class;
}


# takes what has come
sub take {
    my ($self) = @_;

    while (!$self->{end}) {
        my $n = sysread $self->{s}, my $data, 65536;
        last unless defined $n || !$!{EAGAIN};

        if (!$n) {
            last if !defined $n && $!{EAGAIN};
            $self->{end} = 1;
            last;
        }

        $self->{raw} .= $data;
        $self->{rest} .= $data;
    }

    if (!defined $self->{head} && $self->{rest} =~ s/\A(.*?\r\n)\r\n//s) {
        $self->{head} = $1;
    }

    while (defined $self->{head} && $self->{rest} =~ s/\A(.*?)\n\n//s) {
        push @{ $self->{events} }, parse($1);
    }

    return $self;
}


sub parse {
    my ($text) = @_;

    my %e = (lines => 0);

    for my $line (split /\n/, $text) {
        $e{lines}++;
        my ($key, $value) = $line =~ /\A(\w*): (.*)\z/s;
        $e{ defined $key && length $key ? $key : 'comment' } = $value;
    }

    if (defined $e{data}) {
        $e{json} = eval { JSON::PP->new->utf8->decode($e{data}) };
    }

    return \%e;
}


# the data of what has come under this name
sub got {
    my ($self, $event, $test) = @_;

    $self->take;

    return grep { my $d = $_; !$test || do { local $_ = $d; $test->() } }
           map { $_->{json} }
           grep { ($_->{event} || '') eq $event } @{ $self->{events} };
}


# waits for one that passes the test; returns the last such
sub wait_event {
    my ($self, $event, $test, $seconds) = @_;

    my @got;

    $self->{t}->wait_for(sub { @got = $self->got($event, $test) },
                         $seconds || 10, "event $event");

    return $got[-1];
}


sub wait_end {
    my ($self, $seconds) = @_;
    return $self->{t}->wait_for(sub { $self->take->{end} }, $seconds || 5);
}


sub last_id {
    my ($self) = @_;

    my @ids = map { $_->{id} } grep { defined $_->{id} }
              @{ $self->take->{events} };
    return $ids[-1];
}


sub close {
    my ($self) = @_;
    $self->{end} = 1;
    return close $self->{s};
}


1;
