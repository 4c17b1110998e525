#!/usr/bin/perl

# Items whose sound ends long before or after their picture: both tracks of
# an item end together, without a hole.

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

$t->finish;
