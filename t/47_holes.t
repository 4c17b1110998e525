#!/usr/bin/perl

# Copied items one track of which stops while the other goes on, at the end
# and in the midst: silence, or the last key frame again, so that both tracks
# go on at the far end, and nothing is cut.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
$t->far(record => 1);
$t->media;


sub clip {
    my ($name, $video, $audio, @args) = @_;

    DirectStream::Media::ffmpeg($t->dir . "/www/$name", '-f', 'lavfi', '-i',
        "testsrc2=size=320x180:rate=25:duration=$video", '-f', 'lavfi', '-i',
        "sine=frequency=440:sample_rate=48000:duration=$audio",
        qw(-c:v libx264 -preset veryfast -pix_fmt yuv420p -g 25 -bf 2
           -b_strategy 0 -threads 1 -c:a aac -ac 2), @args);
    return;
}


clip('mute.mp4', 5, 2);
clip('blind.mp4', 2, 6);
clip('gap.ts', 6, 6, '-af', "aselect='lt(t,1.5)+gt(t,4.5)'");
clip('freeze.ts', 6, 6, '-vf', "select='lt(t,1.5)+gt(t,4.5)'", '-vsync',
     'vfr');
clip('mono.mp4', 4, 2, '-ac', 1);

my $list = $t->plain_list('holes', 'a.mp4', 'mute.mp4', 'blind.mp4', 'gap.ts',
                          'freeze.ts', 'mono.mp4', 'd.mp4');

$t->near;
my $w = $t->watch('holes');
$t->create('holes', $list, loop => JSON::PP::false);

ok($t->wait_packet($w), 'on air');
ok($t->wait_state('holes', 'finished', 60), 'played');
$t->wait_drained($w);

my $flow = $t->watched($w);
diag($flow->summary);

is($t->field('holes', 'playlist', 'played'), 7, 'all of them were played');
is($t->field('holes', 'playlist', 'failed'), 0, 'none failed');
is(join("\n", $flow->backward), '', 'no backward time stamp');
cmp_ok($flow->largest_step('A'), '<=', 70, 'sound all the time');
cmp_ok($flow->largest_step('V'), '<=', 700, 'a picture twice a second');
cmp_ok($flow->largest_gap, '<=', 400, 'and they come in time');

# 2 + 5 + 6 + 6 + 6 + 4 + 2, from 0 on
my $length = $flow->last('V')->{dts};
cmp_ok(abs($length - 31000), '<', 400, "nothing is cut: $length ms");
cmp_ok(abs($flow->end_difference(40, 21.3)), '<=', 50, 'they end together');

my $log = $t->log_of;

my @told = $log =~ /(\w+) of the item was missing for (\d+\.\d) s in all/g;
my @want = qw(sound 3 picture 4 sound 3 picture 3 sound 2);

is(@told / 2, @want / 2, 'each is told of') or diag("@told");

for (my $i = 0; $i < @want; $i += 2) {
    is($told[$i], $want[$i], "of $want[$i]");
    cmp_ok(abs($told[$i + 1] - $want[$i + 1]), '<=', 0.6,
           "$told[$i + 1] of $want[$i + 1] s");
}

like($log, qr/sound of the item is missing at 2\.0 s, silence is sent/,
     'and where it begins');

# the silence is silence, and all of it can be decoded

my ($file) = glob $t->dir . '/far/record/*.flv';
my ($status, $out) = $t->command('ffmpeg', '-nostdin', '-v', 'error',
    '-xerror', '-i', $file, '-f', 'null', '-');
is($status, 0, 'what was recorded decodes without an error') or diag($out);

($status, $out) = $t->command('ffmpeg', '-nostdin', '-i', $file, '-vn',
    '-af', 'silencedetect=noise=-70dB:d=1.5', '-f', 'null', '-');
is(scalar(my @silent = $out =~ /silence_duration/g), 3,
   'silent three times') or diag($out);

$t->finish;
