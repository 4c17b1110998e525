#!/usr/bin/perl

# The end of a relay worker with many streams, by either signal: each session
# is closed as RTMP has it, what was on air is on record, nothing is killed.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $n = $ENV{STOP_STREAMS} || 30;
my $t = DirectStream::Test->new;
my $far = $t->far;
my $log = $t->dir . '/as-run.log';
my $list = $t->plain_list('long', 'long.mp4');

# some with a push by the engine besides, which has a session of its own

my $streams = join '', map {
    "    stream s$_ { playlist $list; publish $far; "
    . ($_ % 10 ? '' : 'push ' . $t->push_url("p$_") . ' via=engine; ')
    . "}\n"
} 1 .. $n;

my $pushes = int $n / 10;


sub all_live {
    my (undef, $data) = $t->api('GET', 'api/1/streams');

    return $n == grep {
        $_->{status}{state} eq 'live'
        && !grep { !$_->{connected} } @{ $_->{status}{outputs} || [] }
    } @{ $data->{streams} };
}


# sessions that said so before they were gone; one that is torn is deleted, too
sub closed {
    my %said;

    for my $line (split /\n/, $t->log_of('far')) {
        $line =~ /: (\*\d+) (deleteStream|disconnect)\b/ or next;
        $said{$1} //= $2;
    }

    return scalar grep { $_ eq 'deleteStream' } values %said;
}


for my $signal (qw(TERM QUIT)) {
    unlink $log;

    $t->near(workers => 1, directstream => <<"END");
    directstream_log_format short '\$stream \$outcome';
    directstream_log $log short;
$streams
END

    ok($t->wait_for(\&all_live, 30), "$n streams and their pushes are on air");

    my $before = closed();
    my $relay = $t->relay_pid;

    is($t->stop_nginx('near', $signal), 0, "nginx has ended by $signal");
    ok(!-e "/proc/$relay", 'its relay worker, too');

    my @lines = sort split /\n/, $t->read_file($log);
    is_deeply(\@lines, [ sort map { "s$_ skipped" } 1 .. $n ],
              'what was on air is on record');

    ok($t->wait_for(sub { closed() - $before >= $n + $pushes }, 3),
       'all sessions were closed as they should be')
        or diag(closed() - $before . ' of ' . ($n + $pushes));
}

unlike($t->log_of('near'), qr/exited on signal/, 'none by force');
$t->finish;
