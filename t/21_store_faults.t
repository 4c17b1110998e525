#!/usr/bin/perl

# What a disk and other processes can do to the store: an error of its own for
# each, nothing changed by halves, and the stream on air does not notice.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
my $state = $t->state_path;
my $db = "$state/state.db";
my $mounted;

# a disk that can be filled

sub quiet {
    my ($rc) = $t->command(@_);
    return $rc == 0;
}

if ($> == 0) {
    mkdir $t->dir . '/near';
    mkdir $state;
    $mounted = quiet('mount', '-t', 'tmpfs', '-o', 'size=2m,mode=0700',
                     'tmpfs', $state);
}

END { quiet('umount', '-l', $state) if $mounted }

$t->far;

my $list = $t->stub_list('PLfault', entries => [
    $t->stub_entry('fault000001', 'long.mp4', duration => 60),
]);

$t->near;

my $w = $t->watch('air');
is(($t->create('air', $list))[0], 201, 'created');
is(($t->create('other', $list, start => JSON::PP::false))[0], 201, 'another');
ok($t->wait_packet($w), 'on air');


# every kind of write is refused with the code, and changes nothing
sub refused {
    my ($what, $status, $code) = @_;

    my @write = (
        [ 'POST', 'streams', { name => 'new', playlist => $list } ],
        [ 'PATCH', 'streams/other', { shuffle => JSON::PP::true } ],
        [ 'DELETE', 'streams/other' ],
        [ 'POST', 'streams/other/start' ],
        [ 'POST', 'streams/air/stop' ],
    );

    for my $x (@write) {
        my ($method, $path, $body) = @$x;
        my ($s, $data) = $t->api($method, "api/1/$path", $body);

        is("$s " . ($data->{code} || ''), "$status $code",
           "$what: $method $path");
        last if $code eq 'store_busy';
    }

    is(scalar $t->api('GET', 'api/1/streams/new'), 404, "$what: none is made");
    my $o = $t->status('other');
    ok($o && !$o->{shuffle} && $t->state('other') eq 'stopped',
       "$what: nothing has changed");
    is($t->state('air'), 'live', "$what: on air");
}


sub accepted {
    my ($what) = @_;

    ok($t->wait_for(sub {
        my ($s) = $t->create('new', $list, start => JSON::PP::false);
        return $s == 201;
    }, 5), "$what: over, and it works again");
    is(scalar $t->api('DELETE', 'api/1/streams/new'), 204, "$what: as before");
}


SKIP: {
    skip 'needs root, to mount a tmpfs', 10 unless $mounted;

    # the WAL may have room for a few more

    open my $fill, '>', "$state/fill" or die "$state/fill: $!\n";
    $fill->autoflush(1);
    1 while syswrite $fill, 'x' x 4096;

    my $n = 0;
    while ($n < 300) {
        my ($s) = $t->api('PATCH', 'api/1/streams/other',
                          { playlist => "https://example.com/" . 'x' x 1800
                                        . ++$n . '.m3u' });
        last if $s != 200;
    }

    refused('full disk', 507, 'store_full');
    unlink "$state/fill";
    close $fill;
    accepted('full disk');
}

# another process has the lock

my ($lock_in, $lock_out);
pipe my $rd, my $wr;

my $pid = $t->run('sqlite', '/bin/sh', '-c',
    "(echo 'BEGIN IMMEDIATE;'; sleep 5.5) | sqlite3 '$db'");
Time::HiRes::sleep(0.5);
my $from = $t->now;
refused('locked', 503, 'store_busy');
my $took = ($t->now - $from) / 1000;
cmp_ok($took, '<', 5, 'after a wait of 3 s') or diag($took);

$t->wait_pid($pid, 10);
accepted('locked');

# it has all of it: a relay worker that dies meanwhile has a successor that
# knows where it was, and what it could not write is there afterwards

my $runs = "SELECT count(*) FROM run WHERE name = 'air'";
my $count = ($t->command('sqlite3', $db, $runs))[1];
my $place = $t->field('air', 'item', 'position');

$pid = $t->run('sqlite', '/bin/sh', '-c',
    "(echo 'BEGIN EXCLUSIVE;'; sleep 5) | sqlite3 '$db'");
Time::HiRes::sleep(0.5);

my $relay = $t->relay_pid;
my $stale = 0;
$t->allow(qr/worker process $relay exited on signal 9/);
kill 'KILL', $relay;

ok($t->wait_for(sub { ($t->field('air', 'owner_pid') || $relay) != $relay
                      && $t->state('air') eq 'live' }, 4),
   'locked: live again with another relay worker');
cmp_ok($t->field('air', 'item', 'position'), '>=', $place,
       'at the same place');

ok(!defined $t->wait_pid($pid, 0.1), 'while it is locked');

while (!defined $t->wait_pid($pid, 0.1)) {
    $stale++ unless ($t->api('GET', 'api/1/streams'))[1]{relay}{alive};
}

is($stale, 0, 'the relay worker is alive all the time');
ok($t->wait_for(sub {
    ($t->command('sqlite3', $db, $runs))[1] == $count + 1 }, 5),
   'its run is on record afterwards');
$t->like_log(qr/the state is recorded again/, 'as the log says');

# while a write waits: reads do not, nobody sees it, nobody writes beside it,
# and it is done although its client has gone

$pid = $t->run('sqlite', '/bin/sh', '-c',
    "(echo 'BEGIN IMMEDIATE;'; sleep 2) | sqlite3 '$db'");
Time::HiRes::sleep(0.5);

my $json = $t->{json}->encode({ name => 'left', playlist => $list,
                                start => JSON::PP::false });
my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                   PeerPort => $t->{nginx}{near}{http});
print $client "POST /directstream/api/1/streams HTTP/1.1\r\nHost: localhost\r\n"
    . "Content-Type: application/json\r\nContent-Length: "
    . length($json) . "\r\n\r\n$json";
Time::HiRes::sleep(0.3);

my $worst = 0;
for (1 .. 20) {
    my $began = $t->now;
    $t->api('GET', 'api/1/streams/air');
    $worst = $t->now - $began if $t->now - $began > $worst;
}
cmp_ok($worst, '<', 200, 'reads do not wait for a write')
    or diag("$worst ms");

is(scalar $t->api('GET', 'api/1/streams/left'), 404, 'it is not there yet');
(undef, my $busy) = $t->api('POST', 'api/1/streams', $json);
is($busy->{code}, 'stream_busy', 'another of this name has to wait');
close $client;

ok($t->wait_for(sub { $t->api('GET', 'api/1/streams/left') == 200 }, 5),
   'done, although the client went away');
is(scalar $t->api('DELETE', 'api/1/streams/left'), 204, 'and usable');
$t->wait_pid($pid, 10);

# the file is taken away

rename $db, "$db.away";
rename "$db-wal", "$db.away-wal";
rename "$db-shm", "$db.away-shm";

my ($s, $data) = $t->api('POST', 'api/1/streams',
                         { name => 'new', playlist => $list });
is($s, 500, 'a database that is gone');
is($data->{code}, 'store_failed', 'has its code');
is($t->state('air'), 'live', 'on air');

rename "$db.away", $db;
rename "$db.away-wal", "$db-wal";
rename "$db.away-shm", "$db-shm";
accepted('gone');

my $flow = $t->watched($w);
is(scalar(my @h = $flow->headers('V')), 1, 'one session all the time');
is(join("\n", $flow->steps_over('V', 41)), '', 'no packet is missing');
diag($flow->summary);

# a file that cannot be written, to workers that have not opened it yet

chmod 0400, $db;
$t->allow(qr/worker process \d+ exited on signal 9/);

my %old = map { $_ => 1 } $t->worker_pids;
kill 'KILL', keys %old;
ok($t->wait_for(sub { 2 == grep { !$old{$_} } $t->worker_pids }, 5),
   'other workers');
ok($t->wait_state('air', 'live'), 'on air again');

refused('read-only', 503, 'store_readonly');
chmod 0600, $db;
accepted('read-only');

# a start with a file that is none

is($t->stop_nginx('near', 'QUIT'), 0, 'quit');
unlink "$db-wal", "$db-shm";
$t->write_file($db, 'not a database, but long enough to look like one' x 100);
chown((stat $state)[4, 5], $db);

$t->start_nginx('near');
my @aside = grep { !/-(?:wal|shm)$/ } glob "$db.corrupt-*";
is(scalar @aside, 1, 'a damaged file is set aside');
like($t->read_file($aside[0]), qr/^not a database/, 'as it was');
like($t->log_of, qr/\[warn\].*store begins anew: .* was damaged/,
     'and the log says so');
is(scalar $t->api('GET', 'api/1/streams/air'), 404, 'its streams are unknown');
is(($t->create('air', $list))[0], 201, 'and can be made again');

# damaged while it runs, found by a reload: nothing is lost

ok($t->wait_state('air', 'live'), 'on air');
unlink "$db-wal", "$db-shm";
$t->write_file($db, 'again not a database' x 300);
chown((stat $state)[4, 5], $db);
$t->signal('HUP');
ok($t->wait_for(sub { (my @n = $t->log_of =~ /store begins anew/g) == 2 }, 5),
   'set aside at a reload');
ok($t->wait_for(sub { (my @p = $t->relay_pids) == 2 }, 5), 'reloaded');
is($t->state('air'), 'live', 'on air');
$t->kill_all('near');
$t->start_nginx('near');
ok($t->wait_state('air', 'live'), 'the zone has filled the new one');

# a newer one refuses the start

is($t->stop_nginx('near', 'QUIT'), 0, 'quit');
my ($newest) = ($t->command('sqlite3', $db, 'PRAGMA user_version'))[1]
               =~ /(\d+)/;
$t->command('sqlite3', $db, 'PRAGMA user_version = 99');
ok(!eval { $t->start_nginx('near'); 1 }, 'a newer schema refuses the start');
like($@, qr/\Q$db\E.*cannot be used: store_version/, 'and says why');
$t->allow(qr/cannot be used: store_version/);
delete $t->{nginx}{near}{pid};

# the schema tool

my $tool = "$DirectStream::Test::BUILD/directstream-schema";

SKIP: {
    skip 'not built', 6 unless -x $tool;

    is(($t->command($tool, $db))[1], "99\n", 'the tool reads the version');
    my ($rc, $out) = $t->command($tool, $db, 1);
    isnt($rc, 0, 'and migrates no newer one');
    like($out, qr/store_version/, 'with the reason');

    $t->command('sqlite3', $db, "PRAGMA user_version = $newest");
    is(($t->command($tool, $db, 1))[1], "$newest -> 1\n", 'down');
    is(($t->command($tool, $db, $newest))[1], "1 -> $newest\n", 'and up');
    isnt(($t->command($tool, $db, $newest + 1))[0], 0, 'but not beyond');

    $t->start_nginx('near');
    ok($t->wait_state('air', 'live'), 'streams are still there');
}

$t->finish;
