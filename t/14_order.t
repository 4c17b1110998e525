#!/usr/bin/perl

# In which order items are played: as listed, shuffled, looping or not, and
# as skip and previous say.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;

$t->media;
$t->near;


# which items came on air, by polling
sub follow {
    my ($name, $n, $seconds) = @_;

    my @order;

    $t->wait_for(sub {
        my $s = $t->status($name)->{status};
        my $i = $s->{item} && $s->{item}{index};
        push @order, $i if defined $i && (!@order || $order[-1] != $i);
        return @order >= $n || $s->{state} =~ /finished|failed/;
    }, $seconds);

    return @order;
}


my $five = $t->plain_list('five', map { "$_.mp4" } qw(a b c d e));

# in order, once

$t->create('once', $five, loop => JSON::PP::false);
is(join(' ', follow('once', 6, 20)), '0 1 2 3 4', 'as listed');
ok($t->wait_state('once', 'finished', 5), 'loop off: finished');
is($t->field('once', 'playlist', 'played'), 5, 'five were played');
is(scalar $t->api('POST', 'api/1/streams/once/start'), 202, 'start');
ok($t->wait_state('once', 'live', 5), 'it plays again');
$t->api('DELETE', 'api/1/streams/once');

# shuffled: two passes, each of them a permutation

$t->create('shuffle', $five, shuffle => JSON::PP::true);
my @order = follow('shuffle', 10, 30);
diag("shuffled: @order");
is(join(' ', sort @order[0 .. 4]), '0 1 2 3 4', 'a permutation');
is(join(' ', sort @order[5 .. 9]), '0 1 2 3 4', 'and another one');
is(scalar(grep { $order[$_] == $order[$_ - 1] } 1 .. $#order), 0,
   'never the same twice in a row');
$t->api('DELETE', 'api/1/streams/shuffle');

# of many, two shuffles are not the same

my $many = $t->plain_list('many', ('long.mp4') x 30);
my %orders;

for my $n (1 .. 2) {
    $t->create("many$n", $many, shuffle => JSON::PP::true);
    ok($t->wait_state("many$n", 'live', 10), 'live');

    my @first = ($t->field("many$n", 'item', 'index'));
    ok($t->wait_for(sub { $t->field("many$n", 'next', 'ready') }, 10),
       'the next is ready');
    push @first, $t->field("many$n", 'next', 'index');
    $orders{"@first"} = 1;
    $t->api('DELETE', "api/1/streams/many$n");
}

diag('shuffles began with: ' . join ', ', keys %orders);

# skip and previous

my $long = $t->plain_list('long', 'long.mp4', 'long.mp4?2', 'long.mp4?3');
$t->create('long', $long);
ok($t->wait_state('long', 'live', 10), 'live');
is($t->field('long', 'item', 'index'), 0, 'the first item');


sub jump {
    my ($verb, $index) = @_;

    is(scalar $t->api('POST', "api/1/streams/long/$verb"), 202, $verb);
    ok($t->wait_for(sub {
        my $i = $t->field('long', 'item', 'index');
        defined $i && $i == $index;
    }, 10), "$verb: item $index")
        or diag(explain($t->status('long')->{status}{item}));
}

jump('skip', 1);
jump('skip', 2);
jump('skip', 0);
jump('previous', 2);
jump('previous', 1);

my @items = $t->items('long');
is($items[1]{state}, 'playing', 'its state');
is($t->field('long', 'output', 'reconnects'), 0, 'all in one session');
$t->api('DELETE', 'api/1/streams/long');

# loop can be changed on air

my $two = $t->plain_list('two', 'a.mp4', 'b.mp4');
$t->create('two', $two);
ok($t->wait_state('two', 'live', 10), 'live');
my $owner_since = $t->status('two')->{status}{since};
is(scalar $t->api('PATCH', 'api/1/streams/two', { loop => JSON::PP::false }),
   200, 'loop off, on air');
is($t->status('two')->{status}{since}, $owner_since, 'it goes on');
ok($t->wait_state('two', 'finished', 15), 'and finishes');

$t->finish;
