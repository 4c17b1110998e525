package DirectStream::Server;

# A server for one test, as odd as its handler: called with each request, it
# answers with (status, [header lines], body), or writes to the socket itself
# and answers with nothing.  Each connection has a process of its own; what
# was asked for is in a log that all of them write.

use strict;
use warnings;

use Fcntl qw(:flock O_RDWR O_WRONLY O_APPEND O_CREAT);
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use Time::HiRes qw(time sleep);


sub new {
    my ($class, $t, $handler, %args) = @_;

    my $listen = IO::Socket::INET->new(
        LocalAddr => $args{host} || '127.0.0.1', LocalPort => 0,
        Proto => 'tcp', Listen => 128, ReuseAddr => 1) or die "listen: $@\n";

    my $self = bless {
        port => $listen->sockport, host => $args{host} || '127.0.0.1',
        handler => $handler, json => JSON::PP->new->utf8->canonical,
        log => $t->dir . '/odd-' . $listen->sockport,
    }, $class;

    my $pid = fork;
    die "fork: $!\n" unless defined $pid;

    if ($pid == 0) {
        $SIG{TERM} = $SIG{INT} = 'DEFAULT';
        $SIG{CHLD} = 'IGNORE';
        $SIG{PIPE} = 'IGNORE';
        $self->serve($listen);
        POSIX::_exit(0);
    }

    close $listen;
    $t->{pids}{$pid} = 'odd';

    return $self;
}


sub url {
    my ($self, $path) = @_;
    return "http://$self->{host}:$self->{port}$path";
}


sub serve {
    my ($self, $listen) = @_;

    my $parent = getppid;
    my $select = IO::Select->new($listen);

    while (getppid == $parent) {
        my $c = $select->can_read(0.5) ? $listen->accept : undef;
        next unless $c;

        my $pid = fork;

        if (defined $pid && $pid == 0) {
            close $listen;
            $SIG{CHLD} = 'DEFAULT';
            $self->connection($c);
            POSIX::_exit(0);
        }

        close $c;
    }

    return;
}


sub connection {
    my ($self, $c) = @_;

    my $in = '';
    my $parent = getppid;
    my $select = IO::Select->new($c);

    binmode $c;

    while (1) {
        while ($in !~ /\r\n\r\n/) {
            return if getppid != $parent;
            next unless $select->can_read(0.5);
            return unless sysread $c, $in, 65536, length $in;
        }

        $in =~ s/^(.*?)\r\n\r\n//s;

        my ($line, @lines) = split /\r\n/, $1;
        my ($method, $target) = split / /, $line;
        my %h = map { /^([^:]+):\s*(.*?)\s*$/ ? (lc $1, $2) : () } @lines;
        my ($path, $query) = split /\?/, $target, 2;

        $path =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge;

        my $r = { path => $path, query => $query // '', target => $target,
                  headers => \%h, at => time(), raw => \@lines,
                  n => $self->count($target) };

        $self->note($r);

        my @answer = $self->{handler}->($r, $c);
        return unless @answer;

        my ($status, $head, $body) = @answer;

        $body = '' unless defined $body;
        $head = [ @{ $head || [] } ];
        push @$head, 'Content-Length: ' . length $body
            unless grep { /^(?:Content-Length|Transfer-Encoding):/i } @$head;

        put($c, join("\r\n", "HTTP/1.1 $status Status", @$head) . "\r\n\r\n")
            or return;
        put($c, $body) or return;
    }
}


# all of it; false: the client has gone
sub put {
    my ($c, $data) = @_;

    my $at = 0;

    while ($at < length $data) {
        my $n = syswrite $c, $data, length($data) - $at, $at;
        next if !defined $n && $!{EINTR};
        return 0 unless $n;
        $at += $n;
    }

    return 1;
}


# a file, as a good server sends it, unless the range is to be ignored
sub file {
    my ($r, $name, %args) = @_;

    open my $fh, '<:raw', $name or return (404, [], "none\n");
    local $/;
    my $data = <$fh>;
    my $size = length $data;
    my @head = ("ETag: \"$size\"", 'Accept-Ranges: bytes',
                @{ $args{head} || [] });

    if (!$args{norange}
        && ($r->{headers}{range} // '') =~ /^bytes=(\d+)-(\d*)$/)
    {
        my ($from, $to) = ($1, $2);

        $to = $size - 1 if $to eq '' || $to >= $size;
        return (416, [ "Content-Range: bytes */$size" ]) if $from > $to;

        return (206, [ @head, "Content-Range: bytes $from-$to/$size" ],
                substr $data, $from, $to - $from + 1);
    }

    return (200, \@head, $data);
}


# how often this was asked for before
sub count {
    my ($self, $target) = @_;

    return scalar grep { $_->{target} eq $target } $self->requests;
}


sub note {
    my ($self, $r) = @_;

    sysopen my $fh, $self->{log}, O_WRONLY|O_APPEND|O_CREAT or return;
    flock $fh, LOCK_EX;
    syswrite $fh, $self->{json}->encode($r) . "\n";
    close $fh;

    return;
}


sub requests {
    my ($self, $re) = @_;

    open my $fh, '<', $self->{log} or return;
    flock $fh, LOCK_SH;
    my @r = map { $self->{json}->decode($_) } <$fh>;

    return defined $re ? grep { $_->{target} =~ $re } @r : @r;
}


1;
