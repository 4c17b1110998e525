#!/usr/bin/perl

# The relay worker: one more worker, without connections; killed, it is
# replaced and on air within 5 s while nobody else is disturbed; quit and
# TERM are quick.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
$t->far;

my $url = $t->stub_list('PLkill', entries => [
    $t->stub_entry('killitem001', 'long.mp4', duration => 60),
]);

$t->near(workers => 2, main => 'worker_rlimit_core 0;');

# the title comes from a first timer
my $relay = $t->relay_pid;

is(scalar(my @r = $t->relay_pids), 1, 'one relay worker');
ok($t->wait_for(sub { (my @w = $t->worker_pids) == 2 }, 5),
   'and the two that were asked for');


# no listening socket
sub listening {
    my ($pid) = @_;

    my %inode;
    for (split /\n/, $t->read_file('/proc/net/tcp')) {
        my @f = split;
        $inode{$f[9]} = 1 if defined $f[9] && $f[3] eq '0A';
    }

    return grep { (readlink($_) || '') =~ /^socket:\[(\d+)\]/ && $inode{$1} }
           glob "/proc/$pid/fd/*";
}

is(scalar(my @l = listening($relay)), 0, 'it listens to nothing');
cmp_ok(scalar(listening(($t->worker_pids)[0])), '>', 0, 'a worker does');

my $w = $t->watch('kill');
$t->create('kill', $url);
ok($t->wait_packet($w), 'on air');

my @threads = grep { $_ ne 'nginx' } $t->threads($relay);
diag("threads: @threads");
cmp_ok(scalar @threads, '>=', 1, 'threads have names');

# kill -9

my @workers = $t->worker_pids;
my $killed = $t->now;
kill 'KILL', $relay;
$t->allow(qr/worker process $relay exited on signal 9/);

my $flow = $t->wait_flow($w, sub {
    my $last = $_->last('V');
    $last && $last->{at} > $killed + 200;
}, 10);

my ($p) = grep { $_->{at} > $killed + 100 } $flow->packets('V');
my $took = $p ? ($p->{at} - $killed) / 1000 : 99;
diag(sprintf 'on air again after %.2f s', $took);
cmp_ok($took, '<', 5 * ($ENV{DS_SLOW} || 1), 'on air again within 5 s');

is(join(' ', $t->worker_pids), "@workers", 'the other workers are the same');
isnt($t->relay_pid, $relay, 'another relay worker');
ok($t->wait_state('kill', 'live', 5), 'live');
is($t->field('kill', 'owner_pid'), $t->relay_pid, 'it owns the stream');
ok($t->wait_for(sub { (my @p = $t->relay_pids) == 1 }, 3), 'one of them');

# answers while it is dead: stopped, so that no other comes

kill 'STOP', my $stopped = $t->relay_pid;
ok($t->wait_for(sub {
    my $s = $t->status('kill');
    return $s && ($s->{stale} || $s->{status}{stale});
}, 10), 'status says that it is stale');
kill 'CONT', $stopped;

# stop of a stream: threads go away

$t->api('POST', 'api/1/streams/kill/stop');
ok($t->wait_state('kill', 'stopped', 5), 'stopped');
ok($t->wait_for(sub { !$t->engine_threads($t->relay_pid) }, 5),
   'its threads are gone') or diag(join ' ', $t->threads($t->relay_pid));

$t->api('POST', 'api/1/streams/kill/start');
ok($t->wait_state('kill', 'live', 10), 'on air');
ok($t->watched($w), 'watched');

# quit, on air

my $from = $t->now;
is($t->stop_nginx('near', 'QUIT'), 0, 'quit');
$took = ($t->now - $from) / 1000;
cmp_ok($took, '<', 3, 'within 3 s') or diag("$took s");

# and TERM, in the middle of a resolver call that hangs

$t->stub_list('PLhang', entries => [], list => 'stubborn', first => 'hang');
$t->start_nginx('near');
$t->create('kill', $url);
$t->create('hang', 'https://www.youtube.com/playlist?list=PLhang');
ok($t->wait_state('kill', 'live'), 'on air after a new start');
ok($t->wait_for(sub { scalar $t->resolver_pids }, 5), 'a resolver hangs');

my @children = $t->resolver_pids;
$from = $t->now;
is($t->stop_nginx('near', 'TERM'), 0, 'TERM');
$took = ($t->now - $from) / 1000;
cmp_ok($took, '<', 2.5, 'within 2.5 s') or diag("$took s");
unlike($t->log_of, qr/exited on signal 9(?!.*\n)|KILL/, 'nobody was killed');

ok($t->wait_for(sub { !grep { -e "/proc/$_" } @children }, 3),
   'no resolver is left');

$t->finish;
