#!/usr/bin/perl

# USR2: a new binary beside the old one, one publisher for a stream all the
# time; and master_process off.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
$t->far;

my $url = $t->stub_list('PLup', entries => [
    $t->stub_entry('upgrade0001', 'long.mp4', duration => 60),
]);
my $push = 'push ' . $t->push_url('up');

$t->near(directstream => "stream up { playlist $url; $push; }",
         daemon => 1);

my $w = $t->watch('up');
ok($t->wait_packet($w), 'on air');

my $old = $t->master_pid;
my $relay = $t->relay_pid;

$t->signal('USR2');
ok($t->wait_for(sub { -e $t->dir . '/near/nginx.pid.oldbin'
                      && ($t->master_pid || $old) != $old }, 10),
   'a new master');

my $new = $t->master_pid;
ok($t->wait_for(sub { scalar $t->relay_pids($new) }, 5),
   'it has a relay worker');

Time::HiRes::sleep(1.5);
is(scalar(my @h = $t->flow($w)->headers('V')), 1, 'the session is the same');

# either may be asked, and the new one knows who has the stream

my %states;
ok($t->wait_for(sub {
    my $s = $t->status('up')->{status};
    $states{ $s->{state} } = 1;
    return ($s->{held_by} || 0) == $relay && $s->{state} eq 'held' }, 10),
   'to the new one it is held');
ok(!$states{stopped}, 'and not stopped');

for my $round (1 .. 4) {
    my @rtmp = grep { $_ != $relay } $t->worker_pids($old);

    $t->allow(qr/worker process $_ exited on signal 9/) for @rtmp;
    kill 'KILL', @rtmp;
    $t->wait_for(sub { !grep { kill 0, $_ } @rtmp }, 5);

    my @new = grep { my $p = $_; !grep { $_ == $p } $t->relay_pids($new) }
              $t->worker_pids($new);
    $t->allow(qr/worker process $_ exited on signal 9/) for @new;
    kill 'KILL', @new;

    my $from = $t->now;
    ok($t->wait_flow($w, sub { $_->last('V')->{at} > $from + 300 }, 15),
       "connected again, $round");
}

unlike($t->log_of, qr/refused, it is not the relay/, 'no publisher is refused');

my $port = $t->{nginx}{near}{http};
my $form = 'call=publish&app=live&name=up&addr=127.0.0.1&ds_token=';
my @answers = map { $t->{http}->post(
    "http://127.0.0.1:$port/directstream/on_publish",
    { content => $form . $_ })->{status} } map { ('0' x 64, 'x') } 1 .. 6;
is(join(' ', grep { $_ != 403 } @answers), '', 'but others are');
$t->allow(qr/open socket #\d+ left in connection/);

# the old one leaves, the new one takes over

my $from = $t->now;
kill 'QUIT', $old;

my $n = $t->{nginx}{near};
ok(defined $t->wait_pid($n->{pid}, 10), 'the old master has left');

my $flow = $t->wait_flow($w, sub { $_->last('V')->{at} > $from + 2500 }, 15);
ok($flow->last('V')->{at} > $from + 2500, 'on air with the new one');
is($t->state('up'), 'live', 'live');
isnt($t->field('up', 'owner_pid'), $relay, 'of another owner');

# it is ours to stop now
$n->{pid} = $new;
$t->{pids}{$new} = 'nginx-new';
$t->watched($w);
is($t->stop_nginx('near', 'QUIT'), 0, 'quit');

# one process for everything

$t->near(directstream => "stream up { playlist $url; $push; }",
         main => 'master_process off;');

my $w2 = $t->watch('up', name => 'single');
ok($t->wait_packet($w2), 'master_process off: on air');
ok($t->wait_for(sub { !(my @r = $t->descendants($t->master_pid)) }, 10),
   'without another process, but for a resolver while it is needed');
is(scalar $t->api('POST', 'api/1/streams/up/skip'), 202, 'and the API works');

# it takes no publisher from us: the stream goes through itself
$t->watched($w2);
is($t->stop_nginx('near', 'QUIT'), 0, 'quit');

$t->finish;
