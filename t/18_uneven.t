#!/usr/bin/perl

# Items whose sound ends long before or after their picture: both tracks of
# an item end together, without a hole.  Items of which a part is missing,
# because their source has stalled: that is told.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
$t->far;
$t->near;

my $list = $t->plain_list('uneven', qw(a.mp4 early.mp4 a.mp4 late.mp4
                          early.mp4 late.mp4 a.mp4));

my $w = $t->watch('uneven');
$t->create('uneven', $list, loop => JSON::PP::false);
ok($t->wait_packet($w), 'on air');
ok($t->wait_state('uneven', 'finished', 30), 'played');
Time::HiRes::sleep(0.5);

my $flow = $t->watched($w);
diag($flow->summary);

is(join("\n", $flow->backward), '', 'no backward time stamp');
is(join("\n", $flow->steps_over('V', 41)), '', 'video without a step');
is(join("\n", $flow->steps_over('A', 25)), '', 'audio without a step');
cmp_ok(abs($flow->end_difference(40, 23.2)), '<=', 50, 'they end together');
cmp_ok($flow->largest_gap, '<=', 200, 'no arrival gap over 200 ms');

# a source that stalls makes room for the slate, and goes on at its next key
# frame, after 4 s, or 2 s when it is encoded

DirectStream::Media::clip($t->dir . '/www/keys.mp4', 6, '320x180', 44100,
                          '-g 100 -bf 0', 6, 440);

my $at = int(0.4 * -s $t->dir . '/www/keys.mp4');
my $fault = "drip=60000&outage=$at-4000";
my @ways = qw(copy encode);

for my $way (@ways) {
    my $url = $t->media_url('keys.mp4', "$fault&way=$way");

    $t->watch($way);
    $t->create($way, $t->plain_list($way, $url), video => $way,
               loop => JSON::PP::false);
}

for my $way (@ways) {
    ok($t->wait_state($way, 'finished', 40), "$way: finished");
    $t->wait_drained("watch-$way");

    # the slate is silent: its packets are small
    my $sent = 1024 / 44.1 * grep { $_->{size} > 60 }
                             $t->watched("watch-$way")->packets('A');
    my ($item) = $t->items($way);

    diag(sprintf '%s: %.1f of 6.0 s at the far end, %s: %s', $way,
         $sent / 1000, $item->{state}, $item->{reason} || '');
    is($item->{state}, $sent < 5400 ? 'failed' : 'played',
       "$way: not played without a tenth of it") if abs($sent - 5400) > 200;

    next if $way ne 'copy';

    is($item->{code}, 'source_stalled', "$way: why");
    like($item->{reason}, qr/^[1-3]\.\d of [56]\.\d s were not sent/,
         "$way: and how much");
}

$t->finish;
