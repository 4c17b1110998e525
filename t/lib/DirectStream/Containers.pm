package DirectStream::Containers;

# A clip in each container that is played, with codecs that are usual in it,
# and some in containers that are not.  The table of docs/media.md is made of
# this list.

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);

use DirectStream::Media;


our $SECONDS = 1.2;

my $recipe = 1;         # another number makes everything anew

my $X264 = '-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25 -threads 1';
my $AAC = '-c:a aac -ac 2 -b:a 64k';
my $MPEG2 = '-c:v mpeg2video -bf 2';

# file, the container's name, video and audio by libavcodec's names ('' for
# none), options; of those that are copied the last word is 1

my @played = (
    [ 'a.mp4', 'MP4', 'h264', 'aac', "$X264 $AAC", 1 ],
    [ 'a.3gp', '3GP', 'h264', 'aac', "$X264 $AAC", 1 ],
    [ 'a.mov', 'QuickTime', 'mjpeg', 'pcm_s16le',
      '-c:v mjpeg -pix_fmt yuvj420p -c:a pcm_s16le' ],
    [ 'a.m4a', 'MP4', '', 'aac', $AAC ],
    [ 'alac.m4a', 'MP4', '', 'alac', '-c:a alac' ],
    [ 'a.mkv', 'Matroska', 'h264', 'aac', "$X264 $AAC", 1 ],
    [ 'b.mkv', 'Matroska', 'mpeg4', 'ac3', '-c:v mpeg4 -c:a ac3' ],
    [ 'a.webm', 'WebM', 'vp8', 'vorbis',
      '-c:v libvpx -deadline realtime -c:a libvorbis' ],
    [ 'a.flv', 'FLV', 'h264', 'aac', "$X264 $AAC", 1 ],
    [ 'b.flv', 'FLV', 'flv1', 'mp3', '-c:v flv -c:a libmp3lame' ],
    [ 'a.ts', 'MPEG-TS', 'h264', 'aac', "$X264 $AAC", 1 ],
    [ 'b.ts', 'MPEG-TS', 'mpeg2video', 'mp2', "$MPEG2 -c:a mp2" ],
    [ 'latm.ts', 'MPEG-TS', 'mpeg2video', 'aac_latm',
      "$MPEG2 $AAC -mpegts_flags latm" ],
    [ 'a.m2ts', 'MPEG-TS', 'h264', 'ac3',
      "$X264 -c:a ac3 -mpegts_m2ts_mode 1" ],
    [ 'a.mpg', 'MPEG-PS', 'mpeg2video', 'mp2', "$MPEG2 -c:a mp2" ],
    [ 'b.mpg', 'MPEG-PS', 'mpeg1video', 'mp2',
      '-c:v mpeg1video -c:a mp2 -f mpeg' ],
    [ 'a.avi', 'AVI', 'mpeg4', 'mp3', '-c:v mpeg4 -c:a libmp3lame' ],
    [ 'b.avi', 'AVI', 'h264', 'aac', "$X264 $AAC", 1 ],
    [ 'a.wmv', 'ASF', 'wmv2', 'wmav2', '-c:v wmv2 -c:a wmav2' ],
    [ 'a.wma', 'ASF', '', 'wmav2', '-c:a wmav2' ],
    [ 'a.ogv', 'Ogg', 'theora', 'vorbis', '-c:v libtheora -c:a libvorbis' ],
    [ 'a.ogg', 'Ogg', '', 'vorbis', '-c:a libvorbis' ],
    [ 'a.opus', 'Ogg', '', 'opus', '-c:a libopus' ],
    [ 'flac.ogg', 'Ogg', '', 'flac', '-c:a flac' ],
    [ 'a.mxf', 'MXF', 'mpeg2video', 'pcm_s16le',
      '-c:v mpeg2video -c:a pcm_s16le -ar 48000' ],
    [ 'a.nut', 'NUT', 'h264', 'aac', "$X264 $AAC", 1 ],
    [ 'a.rm', 'RealMedia', 'rv20', 'ac3', '-c:v rv20 -s 176x144 -c:a ac3' ],
    [ 'a.ivf', 'IVF', 'vp9', '',
      '-c:v libvpx-vp9 -deadline realtime -cpu-used 8' ],
    [ 'a.mp3', 'MP3', '', 'mp3', '-c:a libmp3lame' ],
    [ 'a.aac', 'ADTS', '', 'aac', $AAC ],
    [ 'a.latm', 'LOAS', '', 'aac_latm', "$AAC -f latm" ],
    [ 'a.ac3', 'AC-3', '', 'ac3', '-c:a ac3' ],
    [ 'a.eac3', 'E-AC-3', '', 'eac3', '-c:a eac3' ],
    [ 'a.dts', 'DTS', '', 'dts', '-c:a dca -strict -2' ],
    [ 'a.thd', 'TrueHD', '', 'truehd', '-c:a truehd -strict -2' ],
    [ 'a.flac', 'FLAC', '', 'flac', '-c:a flac' ],
    [ 'a.wav', 'WAV', '', 'pcm_s16le', '-c:a pcm_s16le' ],
    [ 'a.w64', 'W64', '', 'pcm_s16le', '-c:a pcm_s16le' ],
    [ 'a.aiff', 'AIFF', '', 'pcm_s16be', '-c:a pcm_s16be' ],
    [ 'a.caf', 'CAF', '', 'alac', '-c:a alac' ],
    [ 'a.au', 'AU', '', 'pcm_s16be', '-c:a pcm_s16be' ],
    [ 'a.voc', 'VOC', '', 'pcm_u8', '-c:a pcm_u8' ],
    [ 'a.wv', 'WavPack', '', 'wavpack', '-c:a wavpack' ],
    [ 'a.tta', 'TTA', '', 'tta', '-c:a tta' ],
    [ 'a.h264', 'raw H.264', 'h264', '', $X264 ],
    [ 'a.hevc', 'raw HEVC', 'hevc', '', '-c:v libx265 -preset ultrafast'
      . ' -x265-params log-level=error:pools=1 -f hevc' ],
    [ 'a.m2v', 'raw MPEG video', 'mpeg2video', '', "$MPEG2 -f mpeg2video" ],
    [ 'a.m4v', 'raw MPEG-4', 'mpeg4', '', '-c:v mpeg4 -f m4v' ],
    [ 'a.obu', 'raw AV1', 'av1', '',
      '-c:v libaom-av1 -usage realtime -cpu-used 8 -f obu' ],
);

# file, the container's name, what is in it: options of ffmpeg, or text

my @refused = (
    [ 'a.png', 'png_pipe', '-frames:v 1' ],
    [ 'a.jpg', 'image2', '-frames:v 1 -update 1' ],
    [ 'a.gif', 'gif', '-c:v gif' ],
    [ 'a.y4m', 'yuv4mpegpipe', '-pix_fmt yuv420p' ],
    [ 'a.ffconcat', 'concat', \"ffconcat version 1.0\nfile a.mp4\n" ],
    [ 'a.srt', 'srt',
      \"1\n00:00:00,000 --> 00:00:01,000\na line of text\n" ],
    [ 'a.vtt', 'webvtt',
      \"WEBVTT\n\n00:00.000 --> 00:01.000\na line of text\n" ],
    [ 'a.sdp', 'sdp', \("v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\n"
      . "c=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 33\n") ],
    [ 'a.mpd', 'dash', \('<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:'
      . 'schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011"'
      . '></MPD>') ],
);


# { file, container, video, audio, copy, auto }
sub played {
    return map {
        my ($file, $container, $video, $audio, undef, $copy) = @$_;

        { file => $file, container => $container, video => $video,
          audio => $audio, auto => reason($video, $audio, $file),
          copy => $copy ? 'played' : !$video ? 'no_video'
                  : !$audio ? 'no_audio' : $video ne 'h264' ? 'codec_video'
                  : 'codec_audio' };
    } @played;
}


# what is said of the item with "video auto"
sub reason {
    my ($video, $audio, $file) = @_;

    my $size = $file eq 'a.rm' ? '176x144' : '160x90';
    my $rate = $file =~ /mxf|opus/ ? 48000 : $file eq 'a.voc' ? 44107 : 44100;

    my $copied = $video eq 'h264';
    my $v = !$video ? 'encode: no video: a picture, H.264 160x90'
            : $copied ? 'H.264 160x90'
            : "encode: video $video $size to H.264 160x90";
    my $a = !$audio ? 'no audio: silence, AAC 44100 Hz'
            : $audio eq 'aac' ? 'AAC 44100 Hz, 2 channels'
            : "audio $audio $rate Hz to AAC 44100 Hz, 2 channels";

    return "copy: $v, $a" if $copied && $audio eq 'aac';
    return "encode: $v copied, $a" if $copied;
    return "$v, $a" . ($audio eq 'aac' ? ' copied' : '');
}


sub refused {
    return map { { file => $_->[0], container => $_->[1] } } @refused;
}


# the rows of the table of docs/media.md
sub table {
    my @rows = map {
        sprintf '| %s | %s | %s | `%s` | %s |', $_->{container},
            $_->{video} || '-', $_->{audio} || '-', $_->{file},
            $_->{copy} eq 'played' ? 'played' : "`$_->{copy}`";
    } played();

    return @rows, map { "| $_->{container} | | | `$_->{file}` | "
                        . '`source_invalid` |' } refused();
}


sub dir {
    my $id = md5_hex(join '|', $recipe, $SECONDS,
                     map { map { ref ? $$_ : defined $_ ? $_ : '' } @$_ }
                     @played, @refused);

    my $dir = '/tmp/directstream-containers.' . $> . '-' . substr $id, 0, 8;

    DirectStream::Media::once($dir, \&make);

    return $dir;
}


sub make {
    my ($to) = @_;

    my @picture = (qw(-f lavfi -i),
                   "testsrc2=size=160x90:rate=25:duration=$SECONDS");
    my @sound = (qw(-f lavfi -i),
                 "sine=frequency=440:sample_rate=44100:duration=$SECONDS");

    for (@played) {
        my ($file, undef, $video, $audio, $options) = @$_;

        $options .= ' -f vob' if $file eq 'a.mpg';
        $options .= ' -ac 2' if $audio;

        DirectStream::Media::ffmpeg("$to/$file", $video ? @picture : (),
            $audio ? @sound : (), split ' ', $options);
    }

    for (@refused) {
        my ($file, undef, $what) = @$_;

        if (!ref $what) {
            DirectStream::Media::ffmpeg("$to/$file", @picture,
                                        split ' ', $what);
            next;
        }

        open my $fh, '>', "$to/$file" or die "$to/$file: $!\n";
        print $fh $$what;
        close $fh;
    }

    return;
}


1;
