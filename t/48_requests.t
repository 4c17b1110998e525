#!/usr/bin/perl

# What an item costs its source: two files in fragments, with an index that
# does not reach to their end, are asked for once each, and are on air after
# one request of the resolver's and one of theirs.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;

$t->far;
$t->media;

my @fragments = qw(-movflags +dash+global_sidx);

DirectStream::Media::ffmpeg($t->dir . '/www/video.mp4', qw(-f lavfi -i),
    'testsrc2=size=320x180:rate=25:duration=20,noise=alls=40:allf=t',
    qw(-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 50 -b:v 1500k),
    @fragments);
DirectStream::Media::ffmpeg($t->dir . '/www/sound.m4a', qw(-f lavfi -i
    sine=frequency=440:duration=20 -c:a aac -ac 2 -f mp4), @fragments);

my $list = $t->stub_list('PLparts', entries => [
    $t->stub_entry('partsitem01', [ map { $t->media_url($_, 'latency=300') }
                                    qw(video.mp4 sound.m4a) ],
                   duration => 20),
]);

$t->near;

my $w = $t->watch('parts');

$t->create('parts', $list, loop => JSON::PP::false);
ok($t->wait_picture($w, '320x180'), 'on air');
is($t->field('parts', 'error', 'code'), undef, 'without a fault');

# lines of the log are written when a request is over

$t->api('DELETE', 'api/1/streams/parts');

for my $file (qw(video.mp4 sound.m4a)) {
    my @ranges;

    ok($t->wait_for(sub {
        @ranges = $t->read_file('media.log')
                  =~ m{GET /\Q$file\E\?latency=300 (\S+)}g;
        return scalar @ranges;
    }, 10), "$file: was asked for");

    is("@ranges", 'bytes=0-', "$file: once, from its start");
}

$t->watched($w);
$t->finish;
