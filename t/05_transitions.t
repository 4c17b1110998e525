#!/usr/bin/perl

# 20 item changes with 300 ms of source latency, seen at the far end: one
# timeline, no hole in time, audio and video together, all of it decodable.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
$t->far(record => 1);

# 21 items: with and without B frames, sizes, rates, sound that is shorter
# or longer than its picture
my @clips = qw(a b c d e f);
my @items = map { $clips[$_ % @clips] . '.mp4' } 0 .. 20;
my $n = 0;

my $url = $t->stub_list('PLchange', entries => [
    map { $t->stub_entry(sprintf('change%05d', ++$n),
                         $t->media_url($_, 'latency=300')) } @items
]);

$t->near;
my $w = $t->watch('change');
$t->create('change', $url, loop => JSON::PP::false);

ok($t->wait_packet($w), 'on air');
ok($t->wait_state('change', 'finished', 90), 'all of it was played');

$t->wait_drained($w);

my $flow = $t->watched($w);
diag($flow->summary);

is($t->field('change', 'playlist', 'played'), 21, '21 items were played');
is($t->field('change', 'playlist', 'failed'), 0, 'none failed');
is($t->field('change', 'output', 'reconnects'), 0, 'one session');

my @v = $flow->headers('V');
cmp_ok(scalar @v, '>=', 20, 'a new video header at each change');
is(scalar(grep { !$_->{key} } @v), 0, 'and each at a key frame');

is(join("\n", $flow->backward), '', 'no backward time stamp');

# a frame is 40 ms, a block of sound 23.2 ms; stamps are whole ms
is(join("\n", $flow->steps_over('V', 41)), '',
   'no video step over one frame');
is(join("\n", $flow->steps_over('A', 25)), '', 'no audio step over one frame');

my $skew = $flow->end_difference(40, 23.2);
cmp_ok(abs($skew), '<=', 50, 'audio and video end together')
    or diag("video ends $skew ms after the audio");

my ($gap, $where) = $flow->largest_gap;
cmp_ok($gap, '<=', 200, 'no arrival gap over 200 ms')
    or diag("$gap ms before DTS $where");

# 21 items of 2 s, as long as that in real time
my $span = $flow->last('V')->{at} - $flow->first('V')->{at};
my $media = $flow->last('V')->{dts} - $flow->first('V')->{dts};
cmp_ok(abs($span - $media), '<', 1500, 'paced by the clock')
    or diag("$media ms of media in $span ms");
cmp_ok($media, '>', 40000, 'nothing is missing');

my ($file) = glob $t->dir . '/far/record/*.flv';
my ($status, $out) = $t->command('ffmpeg', '-nostdin', '-v', 'error',
    '-xerror', '-i', $file, '-f', 'null', '-');
is($status, 0, 'what was recorded decodes without an error') or diag($out);

$t->finish;
