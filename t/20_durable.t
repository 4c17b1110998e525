#!/usr/bin/perl

# What was answered is there after kill -9 of everything: definitions, changes
# of them, the wish to run, items for display.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
$t->far;

my $list = $t->stub_list('PLdur', entries => [
    map { $t->stub_entry("durable000$_", 'two.mp4', duration => 4) } 1 .. 3
]);
my $other = $t->stub_list('PLdur2', entries => [
    $t->stub_entry('durable0009', 'two.mp4', duration => 4),
]);

$t->near(directstream => <<"END");
    stream fixed { playlist $list; }
    stream quiet { playlist $list; }
END

sub crash {
    $t->kill_all('near');
    $t->start_nginx('near');
}

my $state = $t->state_path;
my ($mode, $uid) = (stat "$state/state.db")[2, 4];
is($mode & 0777, 0600, 'state.db is for its owner alone');
is($uid, $> == 0 ? scalar getpwnam('www-data') : $>, 'who is the worker');
is((stat "$state/state.db-wal")[4], $uid, 'its WAL, too')
    if -e "$state/state.db-wal";

is(($t->create('kept', $list, shuffle => JSON::PP::true))[0], 201, 'created');
is(($t->create('changed', $list, start => JSON::PP::false))[0], 201,
   'and another');
is(($t->create('gone', $list, start => JSON::PP::false))[0], 201,
   'and a third');
is(($t->create('halted', $list))[0], 201, 'and a fourth');
is(($t->create('halted', $list))[0], 409, 'twice is a conflict');

ok($t->wait_for(sub { (my @i = $t->items('halted')) == 3 }, 5), 'it is listed');

is(scalar $t->api('PATCH', 'api/1/streams/changed',
                  { playlist => $other, loop => JSON::PP::false }),
   200, 'changed');
is(scalar $t->api('DELETE', 'api/1/streams/gone'), 204, 'deleted');
is(scalar $t->api('POST', 'api/1/streams/halted/stop'), 202, 'stopped');
is(scalar $t->api('POST', 'api/1/streams/quiet/stop'), 202,
   'one of the file stopped');

ok($t->wait_state('kept', 'live'), 'on air');
ok($t->wait_for(sub { (my @i = $t->items('kept')) == 3 }, 5), 'three items');

crash();

my $s = $t->status('kept');
ok($s, 'the stream is there');
ok($s->{shuffle}, 'as it was defined');
is($s->{playlist}, $list, 'with its playlist');
ok($t->wait_state('kept', 'live'), 'and on air again');

$s = $t->status('changed');
is($s->{playlist}, $other, 'the changed one is changed');
ok(!$s->{loop}, 'in all its fields');
is($t->state('changed'), 'stopped', 'and not started');
is(scalar $t->api('GET', 'api/1/streams/gone'), 404, 'the deleted one is gone');
is($t->state('halted'), 'stopped', 'the stopped one is stopped');
is(scalar(my @i = $t->items('halted')), 3, 'its items are shown');
ok($t->wait_state('fixed', 'live'), 'one of the file is on air');
is($t->state('quiet'), 'stopped', 'the other one stays stopped');

is(scalar $t->api('POST', 'api/1/streams/quiet/start'), 202, 'start it');
is(scalar $t->api('POST', 'api/1/streams/halted/start'), 202, 'start it, too');
is(scalar $t->api('POST', 'api/1/streams/kept/restart'), 202, 'restart');

crash();

ok($t->wait_state('quiet', 'live'), 'on air after the next crash');
ok($t->wait_state('halted', 'live'), 'and so is the other');

# a normal end and start

is($t->stop_nginx('near', 'QUIT'), 0, 'quit');
$t->start_nginx('near');
ok($t->wait_state('halted', 'live'), 'on air after a quit');
is(scalar $t->api('DELETE', 'api/1/streams/halted'), 204, 'deleted');

# history

$t->stop_nginx('near', 'QUIT');
ok(!-s "$state/state.db-wal", 'nothing is left in the WAL');

my @sqlite = ('sqlite3', '-cmd', '.timeout 5000', "$state/state.db");
my ($rc, $out) = $t->command(@sqlite,
    "SELECT state FROM run WHERE name = 'kept' ORDER BY id");
is($rc, 0, 'history can be asked for');
like($out, qr/^crashed\n(?:\w+\n)*stopped\n$/, 'each run with its end');

($rc, $out) = $t->command(@sqlite,
    "SELECT count(*) FROM run WHERE name = 'halted' AND ended_at IS NULL");
is($out, "0\n", 'none is open');

$t->start_nginx('near');
is(scalar $t->api('GET', 'api/1/streams/halted'), 404, 'and it stays away');

$t->finish;
