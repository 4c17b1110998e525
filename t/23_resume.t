#!/usr/bin/perl

# After a power cut: the same item near the position, the shuffled order goes
# on, what came to its end does not begin again.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;

my $long = $t->plain_list('long', 'long.mp4?1', 'long.mp4?2', 'long.mp4?3');
my $five = $t->plain_list('five', map { "$_.mp4" } qw(a b c d e));
my $one = $t->plain_list('one', 'a.mp4');

$t->near;


sub crash {
    $t->kill_all('near');
    $t->start_nginx('near');
}


# the items a stream goes through, until it has "n", or "until" says so
sub follow {
    my ($name, $n, $until) = @_;

    my @order;

    $t->wait_for(sub {
        my $i = $t->field($name, 'item', 'index');
        push @order, $i if defined $i && (!@order || $order[-1] != $i);
        return @order >= $n || ($until && $until->());
    }, 30);

    return @order;
}


is(($t->create('once', $one, loop => JSON::PP::false))[0], 201, 'once');
is(($t->create('long', $long))[0], 201, 'long');
ok($t->wait_state('long', 'live'), 'on air');
is(scalar $t->api('POST', 'api/1/streams/long/skip'), 202, 'skip');
ok($t->wait_for(sub { ($t->field('long', 'item', 'index') || 0) == 1 }, 10),
   'the second item');
ok($t->wait_state('once', 'finished', 20), 'the other one is finished');

# while the position grows: a shuffled one

is(($t->create('shuffle', $five, shuffle => JSON::PP::true))[0], 201,
   'shuffled');
my @order = follow('shuffle', 3);

ok($t->wait_for(sub { ($t->field('long', 'item', 'position') || 0) > 7 }, 20),
   '7 s into it');

push @order, grep { $_ != $order[-1] } $t->field('shuffle', 'item', 'index');
my $before = $t->field('long', 'item', 'position');
crash();

ok($t->wait_state('long', 'live'), 'on air again');
my $after = $t->field('long', 'item', 'position');
is($t->field('long', 'item', 'index'), 1, 'with the same item');
diag("position $before, then $after");
cmp_ok(abs($after - $before), '<', 10, 'near the position');
cmp_ok($after, '>', 1, 'not at its beginning');

# the order has two passes at most so far; it goes on in the second

my @rest = follow('shuffle', 11 - @order);
diag("order @order, then @rest");

# the position is a few seconds old: what was played since is played again
my @all = @order;
for my $n (reverse 0 .. $#rest) {
    my $k = $n < @order ? $n : $#order;
    next unless "@order[$#order - $k .. $#order]" eq "@rest[0 .. $k]";
    @all = (@order, @rest[$k + 1 .. $#rest]);
    last;
}

diag("together @all");
cmp_ok(scalar @all, '>=', 6, 'there is more than a pass');
is(join(' ', sort @all[0 .. 4]), '0 1 2 3 4', 'the first pass is one');

# finished stays so, until it is told

is($t->state('once'), 'finished', 'finished, still');
is(scalar $t->api('POST', 'api/1/streams/once/start'), 202, 'start');
crash();
ok($t->wait_state('once', 'live|finished'), 'it was started, so it runs');
ok($t->wait_state('once', 'finished', 20), 'and is finished once more');
is($t->field('once', 'playlist', 'played'), 1, 'having been played');

# a stop and a start go on, too

is(scalar $t->api('POST', 'api/1/streams/long/stop'), 202, 'stop');
ok($t->wait_state('long', 'stopped', 5), 'stopped');
is(scalar $t->api('POST', 'api/1/streams/long/start'), 202, 'start');
ok($t->wait_state('long', 'live'), 'on air');
is($t->field('long', 'item', 'index'), 1, 'with the same item');

# another playlist begins at its beginning

is(scalar $t->api('PATCH', 'api/1/streams/long', { playlist => $five }), 200,
   'another playlist');
ok($t->wait_for(sub {
    defined $t->field('long', 'item', 'index')
        && $t->field('long', 'playlist', 'count') == 5;
}, 10), 'is on air');
is($t->field('long', 'item', 'index'), 0, 'from its first item');

$t->finish;
