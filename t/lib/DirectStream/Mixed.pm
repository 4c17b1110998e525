package DirectStream::Mixed;

# Clips of many kinds, as a mixed playlist has them: codecs, containers,
# sizes, rates.  In each a flash and a beep come at the same time, so that
# what is left of their being together can be measured at the far end.

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);

use DirectStream::Media;


our $SECONDS = 1.6;
our $SIZE = '160x90';

my $recipe = 1;         # another number makes everything anew

my $X264 = '-c:v libx264 -preset veryfast -pix_fmt yuv420p -g 25 -bf 0'
           . ' -threads 1';
my $AAC = '-c:a aac -b:a 64k';
my $COPY = 'copy: H.264 160x90, AAC 44100 Hz, 2 channels';


# newer ones read how a picture is turned from an option, others from a tag
my @TURNED = `ffmpeg -v error -h full` =~ /^-display_rotation/m
             ? ('-display_rotation', 90) : ('-ss', 0);


# a kind whose video is copied, its audio encoded
sub sound {
    my ($audio) = @_;

    return reason => "encode: H.264 160x90 copied, audio $audio to"
                     . ' AAC 44100 Hz, 2 channels';
}


# one whose video is encoded, its audio copied
sub video {
    my ($video) = @_;

    return reason => "encode: video $video to H.264 160x90,"
                     . ' AAC 44100 Hz, 2 channels copied';
}


# and one where both are
sub both {
    my ($video, $audio) = @_;

    return reason => "encode: video $video to H.264 160x90, audio $audio to"
                     . ' AAC 44100 Hz, 2 channels';
}


# file: size, frames a second ("rate"), samples a second ("hz"), channels,
# filters (vf), encoders (v, a), options of the muxer (mux).  "from": made of
# another file.  "urls": what is played, if that is not the file.

my @kinds = (
    [ 'plain.mp4' ],
    [ 'bframes.mp4', v => "$X264 -bf 3 -b_strategy 0" ],
    [ 'longgop.mp4', v => "$X264 -g 1000 -keyint_min 1000" ],
    [ 'stream.ts', mux => '-muxdelay 0.4' ],
    [ 'wrap.ts', v => "$X264 -bf 2",
      mux => '-muxdelay 0 -muxpreload 0 -output_ts_offset 95442.8' ],
    [ 'flash.flv' ],
    [ 'matroska.mkv', v => "$X264 -bf 2" ],
    [ 'fragments.mp4', mux => '-movflags frag_keyframe+empty_moov' ],
    [ 'fast.mp4', rate => 30 ],
    [ 'uneven.mp4', vf => "select=not(eq(mod(n\\,5)\\,1))",
      mux => '-vsync vfr' ],
    [ 'cut.mp4', from => [ '-ss', 0.3, 'bframes.mp4' ], mux => '-c copy' ],
    [ 'negative.mp4', v => "$X264 -bf 2",
      mux => '-movflags +negative_cts_offsets' ],
    [ 'list.m3u8', mux => '-f hls -hls_time 0.8 -hls_list_size 0' ],
    [ 'apart.m3u8', mux => '-f hls -hls_time 0.8 -hls_list_size 0',
      apart => 1 ],
    [ 'pair', urls => [ 'plain.video.mp4', 'plain.audio.m4a' ] ],

    [ 'opus.mkv', hz => 48000, a => '-c:a libopus', sound('opus 48000 Hz') ],
    [ 'mp3.mp4', a => '-c:a libmp3lame', sound('mp3 44100 Hz') ],
    [ 'vorbis.mkv', a => '-c:a libvorbis', sound('vorbis 44100 Hz') ],
    [ 'ac3.ts', hz => 48000, a => '-c:a ac3', sound('ac3 48000 Hz') ],
    [ 'flac.mkv', a => '-c:a flac', sound('flac 44100 Hz') ],
    [ 'pcm.mov', hz => 22050, a => '-c:a pcm_s16le',
      sound('pcm_s16le 22050 Hz') ],
    [ 'mono.mp4', channels => 1, sound('aac 44100 Hz (1 channels)') ],
    [ 'surround.mp4', channels => 6, sound('aac 44100 Hz (6 channels)') ],
    [ 'dat.mp4', hz => 48000, sound('aac 48000 Hz') ],
    [ 'silent.mp4', a => '-an', reason =>
      'encode: H.264 160x90 copied, no audio: silence, AAC 44100 Hz' ],

    [ 'hevc.mp4', v => '-c:v libx265 -preset ultrafast -pix_fmt yuv420p'
      . ' -x265-params log-level=error:pools=1 -tag:v hvc1',
      video('hevc 160x90') ],
    [ 'mpeg4.mp4', v => '-c:v mpeg4 -bf 2', video('mpeg4 160x90') ],
    [ 'large.mp4', size => '320x180', video('h264 320x180') ],
    [ 'chroma.mp4', v => "$X264 -pix_fmt yuv422p",
      video('h264 160x90 (not 8 bit 4:2:0)') ],
    [ 'deep.mp4', v => "$X264 -pix_fmt yuv420p10le",
      video('h264 160x90 (not 8 bit 4:2:0)') ],
    [ 'fields.mp4', size => '160x96', v => "$X264 -flags +ilme+ildct -top 1",
      video('h264 160x96 (interlaced)') ],
    [ 'oblong.mp4', vf => 'setsar=4/3',
      video('h264 160x90 (pixels not square)') ],
    [ 'turned.mp4', from => [ @TURNED, 'plain.mp4' ],
      mux => '-c copy -metadata:s:v rotate=90',
      video('h264 160x90 (turned)') ],
    [ 'square.mp4', size => '96x96', video('h264 96x96') ],
    [ 'upright.mp4', size => '90x160', video('h264 90x160') ],
    [ 'sixty.mp4', size => '192x108', rate => 60, video('h264 192x108') ],
    [ 'ten.mp4', size => '192x108', rate => 10, video('h264 192x108') ],
    [ 'vary.mp4', size => '192x108', vf => "select=not(eq(mod(n\\,5)\\,1))",
      mux => '-vsync vfr', video('h264 192x108') ],
    [ 'early.mp4', from => [ '-ss', 0.3, 'mpeg4.mp4' ],
      mux => '-c copy', video('mpeg4 160x90') ],
    [ 'large.m3u8', size => '320x180', v => "$X264 -bf 2",
      mux => '-f hls -hls_time 0.8 -hls_list_size 0',
      video('h264 320x180') ],

    [ 'vp9.webm', hz => 48000, v => '-c:v libvpx-vp9 -deadline realtime'
      . ' -cpu-used 8 -b:v 200k', a => '-c:a libopus',
      both('vp9 160x90', 'opus 48000 Hz') ],
    [ 'odd.webm', vf => 'scale=321:179', v => '-c:v libvpx -deadline realtime'
      . ' -cpu-used 8 -b:v 200k', a => '-c:a libvorbis',
      both('vp8 321x179', 'vorbis 44100 Hz') ],
    [ 'av1.mp4', hz => 48000, v => '-c:v libsvtav1 -preset 12 -pix_fmt yuv420p'
      . ' -svtav1-params lp=1', a => '-c:a libopus',
      both('av1 160x90', 'opus 48000 Hz') ],
    [ 'mpeg2.ts', size => '192x144', hz => 48000, channels => 2,
      v => '-c:v mpeg2video -b:v 500k -bf 2 -flags +ilme+ildct -top 1',
      a => '-c:a mp2', both('mpeg2video 192x144', 'mp2 48000 Hz') ],
    [ 'old.flv', size => '176x144', a => '-c:a libmp3lame', v => '-c:v flv',
      both('flv1 176x144', 'mp3 44100 Hz') ],
    [ 'webpair', urls => [ 'vp9.video.webm', 'vp9.audio.webm' ],
      both('vp9 160x90', 'opus 48000 Hz') ],
    [ 'dark.m4a', v => '-vn', reason => 'encode: no video: a picture,'
      . ' H.264 160x90, AAC 44100 Hz, 2 channels copied' ],
    [ 'dark.mp3', hz => 48000, v => '-vn', a => '-c:a libmp3lame',
      reason => 'encode: no video: a picture, H.264 160x90, audio mp3 48000 Hz'
      . ' to AAC 44100 Hz, 2 channels' ],
);


# each is { name, urls, decision, reason }
sub kinds {
    return map {
        my ($name, %k) = @$_;

        { name => $name, urls => $k{urls} || [ $name ],
          decision => $k{reason} ? 'encode' : 'copy',
          reason => $k{reason} || $COPY };
    } @kinds;
}


# what a recording says when it is decoded, "0 " that there is no fault; and
# when, in ms, its flashes and its beeps begin
sub marks {
    my ($t, $file) = @_;

    my $dir = $t->dir;

    # ffmpeg's parser, unlike its decoder, knows the first header only; filters
    # that are made anew for other colours would begin their files anew
    my ($status, $out) = $t->command(qw(ffmpeg -nostdin -v error -xerror
        -fflags noparse -reinit_filter 0 -i), $file, '-vf', 'signalstats,'
        . "metadata=print:key=lavfi.signalstats.YAVG:file=$dir/luma",
        '-af', 'asetnsamples=441,astats=metadata=1:reset=1,'
        . "ametadata=print:key=lavfi.astats.Overall.RMS_level:file=$dir/level",
        qw(-fps_mode passthrough -enc_time_base 1:1000 -f null -));

    return ("$status $out", [ onsets($t->read_file('luma'), 65) ],
            [ onsets($t->read_file('level'), -20) ]);
}


# times, ms, at which a value comes to be over a limit
sub onsets {
    my ($text, $limit) = @_;

    my ($on, $at, @found) = 0;

    for (split /\n/, $text) {
        $at = 1000 * $1 if /pts_time:(\S+)/;
        next unless /^lavfi\.\S+=(\S+)/;

        my $now = $1 ne 'nan' && $1 > $limit;
        push @found, $at if $now && !$on;
        $on = $now;
    }

    return @found;
}


sub dir {
    my $id = md5_hex(join '|', $recipe, $SECONDS, map { defined $_ ? $_ : '' }
                     map { ref eq 'ARRAY' ? @$_ : $_ } map { @$_ } @kinds);

    my $dir = '/tmp/directstream-mixed.' . $> . '-' . substr $id, 0, 8;

    DirectStream::Media::once($dir, \&make);

    return $dir;
}


sub make {
    my ($to) = @_;

    local $ENV{SVT_LOG} = 1;            # errors only

    for my $kind (@kinds) {
        my ($name, %k) = @$kind;
        clip("$to/$name", %k) unless $k{urls} || $k{from};
    }

    for my $kind (grep { my (undef, %k) = @$_; $k{from} } @kinds) {
        my ($name, %k) = @$kind;
        my ($option, $value, $file) = @{ $k{from} };
        DirectStream::Media::ffmpeg("$to/$name", $option, $value, '-i',
                                    "$to/$file", split ' ', $k{mux});
    }

    for my $part ([ 'plain', 'mp4', 'm4a' ], [ 'vp9', 'webm', 'webm' ]) {
        my ($name, $video, $audio) = @$part;

        DirectStream::Media::ffmpeg("$to/$name.video.$video", '-i',
            "$to/$name.$video", qw(-an -c copy));
        DirectStream::Media::ffmpeg("$to/$name.audio.$audio", '-i',
            "$to/$name.$video", qw(-vn -c copy));
    }

    return;
}


sub clip {
    my ($file, %k) = @_;

    my $size = $k{size} || $SIZE;
    my $rate = $k{rate} || 25;
    my $hz = $k{hz} || 44100;
    my $channels = $k{channels} || 2;
    my @mux = split ' ', $k{mux} || '';

    my $picture = "testsrc2=size=$size:rate=$rate:duration=$SECONDS,"
        . 'format=yuv420p,lutyuv=y=16+val/8,'
        . "drawbox=c=white:t=fill:enable='between(t,0.799,0.919)'";
    $picture .= ",$k{vf}" if $k{vf};

    my $tone = '0.5*sin(2000*PI*t)*between(t\\,0.8\\,0.92)';
    my $sound = 'aevalsrc=' . join('|', ($tone) x $channels)
        . ":s=$hz:d=$SECONDS";

    if ($file =~ /\.m3u8$/) {
        my ($base) = $file =~ /(.*)\.m3u8$/;

        push @mux, '-hls_segment_filename',
             $base . ($k{apart} ? '-%v-%d.ts' : '-%d.ts');

        push @mux, '-master_pl_name', 'apart.m3u8', '-var_stream_map',
             'v:0,agroup:sound a:0,agroup:sound,default:yes' if $k{apart};
        $file = "$base-%v.m3u8" if $k{apart};
    }

    my @argv = (qw(-f lavfi -i), $picture, qw(-f lavfi -i), $sound,
                split(' ', $k{v} || $X264), split(' ', $k{a} || $AAC), @mux);

    return DirectStream::Media::ffmpeg($file, @argv)
        unless $file =~ /\.m3u8$/;

    # the lists name what they are made of: no other name, then
    system('ffmpeg', qw(-nostdin -v error -y), @argv, $file) == 0
        or die "$file: failed\n";

    return;
}


1;
