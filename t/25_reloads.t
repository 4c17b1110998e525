#!/usr/bin/perl

# Reloads at bad moments: while resolving, ten in ten seconds, with
# worker_shutdown_timeout; a stream on air does not notice, no relay worker
# stays behind, and the position is handed over.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
$t->far;

my $long = $t->stub_list('PLlong', entries => [
    $t->stub_entry('reloads0001', 'long.mp4', duration => 60),
]);
my $slow = $t->stub_list('PLslow', entries => [
    $t->stub_entry('reloads0002', 'long.mp4', duration => 60, latency => 2),
]);
my $air = 'push ' . $t->push_url('air');

$t->near(directstream => "stream air { playlist $long; $air; }");

my $w = $t->watch('air');
ok($t->wait_packet($w), 'on air');

my $owner = $t->field('air', 'owner_pid');


sub reload {
    my %old = map { $_ => 1 } $t->relay_pids;
    $t->signal('HUP');
    return $t->wait_for(sub { grep { !$old{$_} } $t->relay_pids }, 10);
}


# while resolving: it goes on where it is, and comes on air once

is(($t->create('slow', $slow, push => undef))[0], 201, 'a slow one');
ok($t->wait_for(sub { scalar $t->resolver_pids }, 5), 'is being resolved');
ok(reload(), 'reload meanwhile');
ok($t->wait_state('slow', 'live', 20), 'on air');
is(scalar(my @c = grep { $_->{url} =~ /PLslow/ } $t->stub_calls('first')), 1,
   'nothing was resolved anew');

# ten in ten seconds

my $from = $t->now;
for (1 .. 10) {
    $t->signal('HUP');
    Time::HiRes::sleep(0.9);
}

ok($t->wait_for(sub { (my @p = $t->relay_pids) <= 3 }, 10),
   'after ten reloads two old relay workers and the new one are left')
    or diag(join "\n", map { $t->cmdline($_) } $t->relay_pids);
is($t->field('air', 'owner_pid'), $owner, 'the owner is the same');
is($t->state('air'), 'live', 'live');

my $flow = $t->flow($w)->between($from, $t->now);
is(join("\n", $flow->steps_over('V', 41)), '', 'no packet is missing');

# restart moves it

is(scalar $t->api('POST', 'api/1/streams/slow/stop'), 202, 'stop the other');
is(scalar $t->api('POST', 'api/1/streams/air/restart'), 202, 'restart');
ok($t->wait_for(sub { ($t->field('air', 'owner_pid') || 0) != $owner
                      && $t->state('air') eq 'live' }, 10), 'moved');
ok($t->wait_for(sub { (my @p = $t->relay_pids) == 1 }, 10), 'one is left');

# worker_shutdown_timeout hands it over, with its position

$t->near_write(directstream => "stream air { playlist $long; $air; }",
               main => 'worker_shutdown_timeout 1s;');
$owner = $t->field('air', 'owner_pid');
ok(reload(), 'reload, which sets it');
ok($t->wait_for(sub { ($t->field('air', 'item', 'position') || 0) > 4 }, 10),
   'some seconds in');
is($t->field('air', 'owner_pid'), $owner, 'one without it stays');

$t->api('POST', 'api/1/streams/air/restart');
ok($t->wait_for(sub { ($t->field('air', 'owner_pid') || 0) != $owner
                      && $t->state('air') eq 'live' }, 10), 'moved');
$owner = $t->field('air', 'owner_pid');
my $before = $t->field('air', 'item', 'position');
ok(reload(), 'reload again');
ok($t->wait_for(sub { ($t->field('air', 'owner_pid') || 0) != $owner
                      && $t->state('air') eq 'live' }, 10), 'handed over');
my $after = $t->field('air', 'item', 'position');
diag("position $before, then $after");
cmp_ok($after, '>', $before - 4, 'it goes on where it was');
ok($t->wait_for(sub { (my @p = $t->relay_pids) == 1 }, 10), 'one is left');

$t->finish;
