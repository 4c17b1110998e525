#!/usr/bin/perl

# A reload while on air: not one packet is missing at the far end; changed
# and removed streams follow the file.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
$t->far;

my $url = $t->stub_list('PLreload', entries => [
    $t->stub_entry('reload00001', 'long.mp4', duration => 60),
]);
my $other = $t->stub_list('PLother', entries => [
    $t->stub_entry('reload00002', 'two.mp4', duration => 4),
]);

my $push = 'push ' . $t->push_url('fixed');
my $gone = 'push ' . $t->push_url('gone');

$t->near(directstream => <<"END");
    stream fixed { playlist $url; $push; }
    stream gone  { playlist $other; $gone; }
END

my $w = $t->watch('fixed');
ok($t->wait_packet($w), 'on air');
ok($t->wait_state('gone', 'live'), 'the other one, too');

$t->create('api', $other);
ok($t->wait_state('api', 'live'), 'and one of the API');

my $old = $t->relay_pid;

# twice, with nothing changed

for my $round (1, 2) {
    my %before = map { $_ => 1 } $t->relay_pids;

    $t->signal('HUP');
    ok($t->wait_for(sub { grep { !$before{$_} } $t->relay_pids }, 10),
       "reload $round: a new relay worker");
    Time::HiRes::sleep(1);
}

is($t->field('fixed', 'owner_pid'), $old, 'the old one has the stream still');
is($t->state('fixed'), 'live', 'live');

# changed and removed

my $changed = $t->now;
$t->near_write(directstream => <<"END");
    stream fixed { playlist $url; $push; }
    stream new   { playlist $other; loop on; }
END
$t->signal('HUP');

ok($t->wait_for(sub { $t->api('GET', 'api/1/streams/gone') == 404 }, 10),
   'a removed one is gone');
ok($t->wait_state('new', 'live', 10), 'a new one is live');
isnt($t->field('new', 'owner_pid'), $old, 'in a new relay worker');

my $flow = $t->wait_flow($w, sub {
    $_->last('V')->{at} > $changed + 3000 }, 10);

is(join("\n", $flow->backward), '', 'no backward time stamp');
is(join("\n", $flow->steps_over('V', 41)), '', 'no video packet is missing');
is(join("\n", $flow->steps_over('A', 25)), '', 'no audio packet is missing');
is(scalar(my @h = $flow->headers('V')), 1, 'one session');
cmp_ok($flow->largest_gap, '<', 200, 'nor late');
diag($flow->summary);

# restart moves it

is(scalar $t->api('POST', 'api/1/streams/fixed/restart'), 202, 'restart');
ok($t->wait_for(sub { ($t->field('fixed', 'owner_pid') || 0) != $old
                      && $t->state('fixed') eq 'live' }, 10),
   'moved to the newest relay worker');

$t->api('POST', 'api/1/streams/api/restart');
ok($t->wait_for(sub { !grep { $_ == $old } $t->relay_pids }, 15),
   'the old one has left');
ok($t->wait_for(sub { (my @p = $t->relay_pids) == 1 }, 15), 'one is left');

# a bad configuration changes nothing

my $good = $t->read_file('near/nginx.conf');
$t->write_file('near/nginx.conf', $good . "\nbogus;\n");
$t->allow(qr/unknown directive "bogus"/);
my @before = $t->relay_pids;
$t->signal('HUP');
ok($t->wait_for(sub { $t->log_of =~ /unknown directive "bogus"/ }, 5),
   'a bad file is refused');
is(join(' ', $t->relay_pids), "@before", 'and nothing has changed');
$t->write_file('near/nginx.conf', $good);

# reopen

rename $t->dir . '/near/error.log', $t->dir . '/near/error.log.1';
$t->signal('USR1');
ok($t->wait_for(sub { -e $t->dir . '/near/error.log' }, 5), 'reopen');
is($t->state('fixed'), 'live', 'live');

$t->finish;
