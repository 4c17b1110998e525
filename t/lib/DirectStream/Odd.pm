package DirectStream::Odd;

# Files that change in their midst, begin late, jump, or have more tracks
# than one: as recorders, packagers and people with "cat" make them.  Parts
# are of 2 s, with sounds of 48000 Hz unless said otherwise.

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);

use DirectStream::Media;


my $recipe = 1;         # another number makes everything anew

my $X264 = '-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25 -threads 1';
my $OTHER = '-c:v libx264 -preset veryfast -pix_fmt yuv420p -g 25 -threads 1';
my $AAC = '-c:a aac -ac 2 -b:a 64k';
my $NOW = '-muxdelay 0 -muxpreload 0';
my $PIDS = '-mpegts_start_pid 0x200 -mpegts_pmt_start_pid 0x1100';
my $FITS = 'H.264 160x90, AAC 48000 Hz, 2 channels';
my $SOUND = 'encode: H.264 160x90 copied, audio';
my $LATE = "$SOUND aac 48000 Hz \\((?:6.0|5.9) s late\\)";
my $TO = 'to AAC 48000 Hz, 2 channels';

# a part: size, samples a second (hz), options

my %parts = (
    plain => [ '160x90', 48000, "$X264 $AAC $NOW" ],
    pids => [ '160x90', 48000, "$X264 $AAC $NOW $PIDS" ],
    table => [ '160x90', 48000,
               "$X264 $AAC $NOW -mpegts_pmt_start_pid 0x1100" ],
    voice => [ '160x90', 48000,
               "$X264 $AAC $NOW -streamid 0:256 -streamid 1:600" ],
    other => [ '160x90', 48000, "$OTHER $AAC $NOW" ],
    large => [ '320x180', 48000, "$X264 $AAC $NOW" ],
    slow => [ '160x90', 44100, "$X264 $AAC $NOW" ],
    mono => [ '160x90', 48000, "$X264 -c:a aac -ac 1 $NOW" ],
    ac3 => [ '160x90', 48000, "$X264 -c:a ac3 $NOW" ],
    mpeg => [ '160x90', 48000, "-c:v mpeg2video $AAC $NOW" ],
    both => [ '160x90', 48000, "-c:v mpeg2video -c:a mp2 $NOW $PIDS" ],
);

# file: seconds of it, what is said of it in the end with "video auto" (a
# regular expression), and as a copy: the same, or a code; undef: it is not
# tried.  "parts": of those, the second beginning at "at".  "make": anew.

my @odd = (
    [ 'pids.ts', 4, "copy: $FITS\$", "copy: $FITS\$",
      parts => [ 'plain', 'pids', 'plain' ], seconds => 6 ],
    [ 'table.ts', 4, "copy: $FITS\$", "copy: $FITS\$",
      parts => [ 'plain', 'table' ] ],
    [ 'voice.ts', 4, "copy: $FITS\$", "copy: $FITS\$",
      parts => [ 'plain', 'voice' ] ],
    [ 'header.ts', 4, "copy: $FITS\$", "copy: $FITS\$",
      parts => [ 'plain', 'other' ] ],
    [ 'size.ts', 4, 'encode: video h264 320x180', 'copy: H.264 320x180',
      parts => [ 'plain', 'large' ] ],
    [ 'smaller.ts', 4, 'encode: video h264 160x90', "copy: $FITS",
      parts => [ 'large', 'plain' ] ],
    [ 'rate.ts', 4, "$SOUND aac 44100 Hz $TO", 'copy: .* 44100 Hz',
      parts => [ 'plain', 'slow' ] ],
    [ 'mono.ts', 4, "$SOUND aac 48000 Hz \\(1 channels\\)",
      'copy: .* 1 channels', parts => [ 'plain', 'mono' ] ],
    [ 'sound.ts', 4, "$SOUND ac3 48000 Hz $TO", 'codec_audio',
      parts => [ 'plain', 'ac3' ] ],
    [ 'video.ts', 4, 'encode: video mpeg2video 160x90', 'codec_video',
      parts => [ 'plain', 'mpeg' ] ],
    [ 'back.ts', 4, 'encode: video h264 160x90', undef,
      parts => [ 'mpeg', 'plain' ] ],
    [ 'all.ts', 4, 'encode: video mpeg2video 160x90 .*, audio mp2',
      'codec_video', parts => [ 'plain', 'both' ] ],
    [ 'break.m3u8', 4, "copy: $FITS\$", "copy: $FITS\$", make => 'list' ],
    [ 'chain.ogg', 4, 'encode: no video: .*, audio vorbis', undef,
      make => 'chain' ],

    [ 'forward.ts', 4, "copy: $FITS\$", "copy: $FITS\$",
      parts => [ 'plain', 'plain' ], at => 4 ],
    [ 'little.ts', 4, "copy: $FITS\$", undef,
      parts => [ 'plain', 'plain' ], at => 2.6 ],
    [ 'backward.ts', 4, "copy: $FITS\$", "copy: $FITS\$",
      parts => [ 'plain', 'plain' ], at => 0 ],
    [ 'far.ts', 4, "copy: $FITS\$", undef,
      parts => [ 'plain', 'plain' ], at => 3600 ],
    [ 'wrap.ts', 4, "copy: $FITS\$", "copy: $FITS\$",
      parts => [ 'plain', 'plain' ], from => 95441.7, at => 95443.7 ],
    [ 'jump.mkv', 4, "copy: $FITS\$", "copy: $FITS\$", make => 'jump' ],
    [ 'jump.mp4', 4, "copy: $FITS\$", "copy: $FITS\$", make => 'jump' ],

    [ 'late.ts', 8, "$LATE $TO; 6.0 s without sound",
      "copy: $FITS; 6.0 s without sound", make => 'late' ],
    [ 'late.mkv', 8, "$LATE $TO; 6.0 s without sound", undef,
      make => 'late' ],
    [ 'late.flv', 8, "$LATE $TO; 6.0 s without sound",
      "copy: $FITS; 6.0 s without sound", make => 'late_flv' ],
    [ 'dark.ts', 9, 'encode: video h264 160x90 \\(6.0 s late\\)', undef,
      make => 'dark' ],
    [ 'darkness.ts', 3, undef, "copy: $FITS; 6.0 s without picture",
      make => 'dark' ],

    [ 'avc3.mp4', 2, "copy: $FITS\$", "copy: $FITS\$", make => 'avc3' ],
    [ 'order.avi', 2, "copy: $FITS\$", "copy: $FITS\$", make => 'order' ],
    [ 'order.h264', 2, 'encode: H.264 160x90 copied, no audio', undef,
      make => 'order' ],
    [ 'lost.flv', 4, "$SOUND aac 44100 Hz $TO",
      'copy: H.264 160x90, AAC 44100 Hz', make => 'lost_flv' ],
    [ 'broken.ts', 2, 'nothing of the video could be decoded', 'codec_video',
      make => 'broken' ],
    [ 'fields.ts', 2, 'encode: video mpeg2video 160x96', 'codec_video',
      make => 'fields' ],
    [ 'promise.mkv', 2, 'ends at 2.\\d of 6.\\d s', 'ends at', make => 'cut' ],

    [ 'half.avi', 2.4, 'ends at 2.\\d of 6.\\d s', undef, make => 'half' ],
    [ 'half.rm', 2.4, 'ends at [23].\\d of 6.\\d s', undef, make => 'half' ],
    [ 'wrong.mp3', 2, '^encode: no video: .*; 4.\\d of 6.\\d s missing', undef,
      make => 'wrong' ],
    [ 'wrong.flv', 2, "copy: $FITS; 28.0 of 30.0 s missing",
      "copy: $FITS; 28.0 of 30.0 s missing", make => 'wrong' ],

    [ 'camera.mov', 2, "copy: $FITS\$", "copy: $FITS\$",
      more => '-timecode 01:00:00:00' ],
    [ 'hour.mkv', 2, "copy: $FITS\$", "copy: $FITS\$",
      more => '-output_ts_offset 3600' ],
    [ 'edit.mp4', 2, 'encode: video h264 160x90 \\(2.0 s hidden\\) .* copied$',
      undef, make => 'edit' ],
    [ 'again.m3u8', 4, "copy: $FITS\$", "copy: $FITS\$", make => 'again' ],
    [ 'gap.m3u8', 4, "copy: $FITS; (?:2.0|1.9) of 6.0 s missing",
      "copy: $FITS; (?:2.0|1.9) of 6.0 s missing", make => 'gap' ],

    # the track that is meant has 48000 samples a second, the other 44100
    [ 'comment.mkv', 2, "$SOUND ac3 48000 Hz $TO", 'copy: .* 44100 Hz',
      tracks => [ 'ac3', 'aac', 'default', 'comment' ] ],
    [ 'blind.mkv', 2, "$SOUND ac3 48000 Hz $TO", undef,
      tracks => [ 'ac3', 'aac', 'default', 'visual_impaired' ] ],
    [ 'deaf.mkv', 2, "copy: $FITS\$", "copy: $FITS\$",
      tracks => [ 'aac', 'aac', '0', 'hearing_impaired' ] ],
    [ 'second.mkv', 2, "copy: $FITS\$", "copy: $FITS\$",
      tracks => [ 'aac', 'aac', 'default', '0' ], swap => 1 ],
    [ 'aside.mkv', 2, "copy: $FITS\$", "copy: $FITS\$",
      tracks => [ 'aac', 'aac', '0', 'default+comment' ], swap => 1 ],
    [ 'tongues.mkv', 2, "copy: $FITS\$", "copy: $FITS\$",
      tracks => [ 'aac', 'aac', '0', '0' ], more =>
      '-metadata:s:a:0 language=eng -metadata:s:a:1 language=ger' ],
    [ 'called.mkv', 2, "copy: $FITS\$", "copy: $FITS\$",
      tracks => [ 'aac', 'aac', '0', '0' ], swap => 1,
      title => 'Commentary by the director' ],
    [ 'equal.mkv', 2, "copy: $FITS\$", undef,
      tracks => [ 'aac', 'ac3', '0', '0' ], swap => 1 ],
);


# what docs say of each

my %words = (
    'pids.ts' => 'MPEG-TS, other PIDs in its midst',
    'table.ts' => 'another PID of the table',
    'voice.ts' => 'of the audio alone',
    'header.ts' => 'other parameter sets',
    'size.ts' => 'a larger picture',
    'smaller.ts' => 'a smaller one',
    'rate.ts' => 'another sample rate',
    'mono.ts' => 'other channels',
    'sound.ts' => 'another audio codec',
    'video.ts' => 'another video codec',
    'back.ts' => 'one that could be copied then',
    'all.ts' => 'other codecs and PIDs',
    'break.m3u8' => 'HLS, a discontinuity with other PIDs',
    'chain.ogg' => 'Ogg, one after another',
    'forward.ts' => 'time stamps that jump forward',
    'little.ts' => 'by less than a second',
    'backward.ts' => 'that begin again',
    'far.ts' => 'that jump by an hour',
    'wrap.ts' => 'that wrap',
    'jump.mkv' => 'that jump, Matroska',
    'jump.mp4' => 'that jump, MP4',
    'late.ts' => 'audio that begins late, MPEG-TS',
    'late.mkv' => 'the same, Matroska',
    'late.flv' => 'the same, FLV',
    'dark.ts' => 'video that begins late',
    'darkness.ts' => 'the same, copied',
    'avc3.mp4' => 'parameter sets in the samples (avc3)',
    'order.avi' => 'AVI with B frames',
    'order.h264' => 'raw H.264 with B frames',
    'lost.flv' => 'AAC without its header',
    'broken.ts' => 'video of which nothing can be decoded',
    'fields.ts' => 'an interlaced recording that begins anywhere',
    'promise.mkv' => 'Matroska that was cut',
    'half.avi' => 'AVI that was cut',
    'half.rm' => 'RealMedia that was cut',
    'wrong.mp3' => 'MP3 with a wrong number of frames',
    'wrong.flv' => 'FLV with a wrong duration',
    'camera.mov' => "QuickTime with a camera's time code",
    'hour.mkv' => 'Matroska that begins at an hour',
    'edit.mp4' => 'MP4 that begins between key frames by its edit list',
    'again.m3u8' => 'HLS of fragments, a discontinuity with an older clock',
    'gap.m3u8' => 'HLS, a segment that is not there',
    'comment.mkv' => 'a commentary beside the sound',
    'blind.mkv' => 'a description beside it',
    'deaf.mkv' => 'a track for the hard of hearing beside it',
    'second.mkv' => 'the default track is the second one',
    'aside.mkv' => 'the default track is a commentary',
    'tongues.mkv' => 'two languages',
    'called.mkv' => 'a commentary by its title alone',
    'equal.mkv' => 'two that are equal, one in AAC',
);


# rows of a table: with "video auto", and "video copy"
sub table {
    return map {
        my ($file, undef, @say) = @$_;

        "| $words{$file} | " . join(' | ', map {
            !defined $_ ? '' : /^codec/ ? "`$_`" : /ends at/ ? '`source_cut`'
            : /missing|without (?:sound|picture)/ ? 'played, and says so'
            : /^copy/ ? 'copied' : 'encoded'
        } @say[0, 1]) . ' |';
    } @odd;
}


# each is { file, seconds, auto, copy }
sub files {
    return map {
        my ($file, $seconds, $auto, $copy, %k) = @$_;

        { file => $file, seconds => $k{seconds} || $seconds, auto => $auto,
          copy => $copy };
    } @odd;
}


sub dir {
    my $id = md5_hex(join '|', $recipe, map { ref $_ ? @$_ : $_ }
                     map { defined $_ ? $_ : '' }
                     map { @$_ } @odd, map { $parts{$_} } sort keys %parts);

    my $dir = '/tmp/directstream-odd.' . $> . '-' . substr $id, 0, 8;

    DirectStream::Media::once($dir, \&make);

    return $dir;
}


sub make {
    my ($to) = @_;

    for (@odd) {
        my ($file, undef, undef, undef, %k) = @$_;

        if ($k{parts}) {
            parts($to, $file, %k);

        } elsif ($k{tracks}) {
            tracks("$to/$file", %k);

        } elsif (!$k{make}) {
            DirectStream::Media::ffmpeg("$to/$file", sources(2),
                                        split ' ', "$X264 $AAC $k{more}");

        } else {
            no strict 'refs';
            &{"make_$k{make}"}($to, $file);
        }
    }

    return;
}


sub sources {
    my ($seconds, $size, $hz) = @_;

    return (qw(-f lavfi -i),
            'testsrc2=size=' . ($size || '160x90') . ":rate=25:d=$seconds",
            qw(-f lavfi -i), 'sine=440:sample_rate=' . ($hz || 48000)
            . ":duration=$seconds");
}


sub part {
    my ($file, $name, $offset) = @_;

    my ($size, $hz, $options) = @{ $parts{$name} };

    DirectStream::Media::ffmpeg($file, sources(2, $size, $hz),
                                split(' ', $options), '-output_ts_offset',
                                $offset);
    return slurp($file);
}


sub parts {
    my ($to, $file, %k) = @_;

    my $at = $k{from} || 0;
    my $all = '';

    for my $i (0 .. $#{ $k{parts} }) {
        $at = $k{at} if $i == 1 && defined $k{at};
        $all .= part("$to/part.ts", $k{parts}[$i], 1 + $at);
        $at += 2;
    }

    return spew("$to/$file", $all);
}


# two tracks of sound, the one that is meant first
sub tracks {
    my ($file, %k) = @_;

    my ($main, $side, @flags) = @{ $k{tracks} };
    my @order = $k{swap} ? (1, 0) : (0, 1);
    my @codec = ($main, $side);
    my @hz = (48000, 44100);
    my @more = split ' ', $k{more} || '';

    my @argv = (qw(-f lavfi -i testsrc2=size=160x90:rate=25:d=2));

    push @argv, qw(-f lavfi -i), "sine=440:sample_rate=$hz[$_]:duration=2"
        for @order;
    push @argv, qw(-map 0 -map 1 -map 2), split ' ', $X264;

    for my $i (0, 1) {
        push @argv, "-c:a:$i", $codec[$order[$i]], "-ac:a:$i", 2,
             "-disposition:a:$i", $flags[$order[$i]];
    }

    push @argv, '-metadata:s:a:0', "title=$k{title}" if $k{title};

    return DirectStream::Media::ffmpeg($file, @argv, @more);
}


# a list whose second segment has other PIDs and a clock of its own
sub make_list {
    my ($to, $file) = @_;

    spew("$to/one.ts", part("$to/part.ts", 'plain', 10));
    spew("$to/two.ts", part("$to/part.ts", 'pids', 0));

    return spew("$to/$file", "#EXTM3U\n#EXT-X-VERSION:3\n"
        . "#EXT-X-TARGETDURATION:2\n#EXTINF:2,\none.ts\n"
        . "#EXT-X-DISCONTINUITY\n#EXTINF:2,\ntwo.ts\n#EXT-X-ENDLIST\n");
}


sub make_chain {
    my ($to, $file) = @_;

    my $all = '';

    for my $hz (48000, 44100) {
        DirectStream::Media::ffmpeg("$to/part.ogg", qw(-f lavfi -i),
            "sine=440:sample_rate=$hz:duration=2", qw(-c:a libvorbis -ac 2));
        $all .= slurp("$to/part.ogg");
    }

    return spew("$to/$file", $all);
}


sub make_jump {
    my ($to, $file) = @_;

    return DirectStream::Media::ffmpeg("$to/$file", sources(4),
        split(' ', "$X264 $AAC"), '-vf', "setpts=PTS+gt(N\\,49)*2/TB",
        '-af', 'asetpts=PTS+gt(T\\,2)*2/TB', '-vsync', 'passthrough');
}


sub make_late {
    my ($to, $file) = @_;

    my @s = sources(8);

    return DirectStream::Media::ffmpeg("$to/$file", @s[0 .. 3],
        qw(-itsoffset 6 -f lavfi -i sine=440:sample_rate=48000:duration=2),
        qw(-map 0 -map 1), split ' ', "$X264 $AAC");
}


sub make_dark {
    my ($to, $file) = @_;

    return DirectStream::Media::ffmpeg("$to/$file", qw(-itsoffset 6 -f lavfi
        -i testsrc2=size=160x90:rate=25:d=3 -f lavfi
        -i sine=440:sample_rate=48000:duration=9 -map 0 -map 1),
        split ' ', "$X264 $AAC");
}


# sound, and its header, from 6 s on
sub make_late_flv {
    my ($to, $file) = @_;

    return flv("$to/$file", 8, sub {
        my ($ms, $header) = @_;
        return $header ? 6000 : $ms >= 6000;
    });
}


# no header at all
sub make_lost_flv {
    my ($to, $file) = @_;
    return flv("$to/$file", 4, sub { return !$_[1] });
}


# "keep" is asked for each tag of sound with its time, and whether it is the
# header, which comes at the time it says
sub flv {
    my ($file, $seconds, $keep) = @_;

    DirectStream::Media::ffmpeg("$file.flv", sources($seconds),
                                split ' ', "$X264 $AAC");

    my $in = slurp("$file.flv");
    my $out = substr $in, 0, 13;
    my $late;

    for (my $pos = 13; $pos + 11 <= length $in; ) {
        my $type = ord substr $in, $pos, 1;
        my $size = unpack 'N', "\0" . substr $in, $pos + 1, 3;
        my $ms = unpack('N', "\0" . substr $in, $pos + 4, 3)
                 | ord(substr $in, $pos + 7, 1) << 24;

        my $tag = substr $in, $pos, 11 + $size + 4;
        $pos += length $tag;

        if ($type == 8) {
            my $header = substr($tag, 12, 1) eq "\0";
            my $rv = $keep->($ms, $header);

            if ($header && $rv) {
                substr($tag, 4, 3) = substr pack('N', $rv), 1;
                $late = $tag;
                next;
            }

            next unless $rv;
            $out .= $late if defined $late;
            $late = undef;
        }

        $out .= $tag;
    }

    unlink "$file.flv";

    return spew($file, $out);
}


# the parameter sets are in the samples alone
sub make_avc3 {
    my ($to, $file) = @_;

    DirectStream::Media::ffmpeg("$to/$file", sources(2),
        split ' ', "$X264 $AAC -bsf:v dump_extra=freq=keyframe");

    my $all = slurp("$to/$file");
    my $at = index $all, 'avc1', index $all, 'stsd';

    substr($all, $at, 4) = 'avc3';
    $at = 4 + index $all, 'avcC';
    substr($all, $at + 5, 2) = "\xe0\0";

    return spew("$to/$file", $all);
}


# of pictures with B frames it says only when they are decoded, or nothing
sub make_order {
    my ($to, $file) = @_;

    my @sound = $file =~ /avi/ ? split ' ', $AAC : '-an';

    return DirectStream::Media::ffmpeg("$to/$file", sources(2), @sound,
        split ' ', "$OTHER -bf 3 -b_strategy 0");
}


# nothing of the picture is left
sub make_broken {
    my ($to, $file) = @_;

    my $all = part("$to/part.ts", 'mpeg', 0);

    srand 7;

    for (my $pos = 0; $pos < length $all; $pos += 188) {
        my $pid = unpack('n', substr $all, $pos + 1, 2) & 0x1fff;
        next unless $pid == 0x100;

        my $head = ord(substr $all, $pos + 1, 1) & 0x40 ? 60 : 20;
        substr($all, $pos + $head, 188 - $head) =
            pack 'C*', map { 4 + int rand 250 } 1 .. 188 - $head;
    }

    return spew("$to/$file", $all);
}


# a broadcast, from somewhere on: interlaced, open groups, no key frame at
# first
sub make_fields {
    my ($to, $file) = @_;

    DirectStream::Media::ffmpeg("$to/$file", sources(2.5, '160x96'),
        split ' ', '-c:v mpeg2video -bf 2 -g 12 -flags +ilme+ildct -top 1'
        . ' -b:v 600k -c:a mp2');

    my $all = slurp("$to/$file");

    return spew("$to/$file", substr $all, 188 * 150);
}


# it was to be longer
sub make_cut {
    my ($to, $file) = @_;

    DirectStream::Media::ffmpeg("$to/$file", sources(6),
                                split ' ', "$X264 $AAC");

    my $all = slurp("$to/$file");

    return spew("$to/$file", substr $all, 0, 0.35 * length $all);
}


sub make_half {
    my ($to, $file) = @_;

    DirectStream::Media::ffmpeg("$to/$file", sources(6, '176x144'),
        split ' ', $file =~ /avi/ ? '-c:v mpeg4 -c:a libmp3lame'
                                  : '-c:v rv20 -c:a ac3');

    my $all = slurp("$to/$file");

    return spew("$to/$file", substr $all, 0, 0.45 * length $all);
}


# it is whole, and says that it is not
sub make_wrong {
    my ($to, $file) = @_;

    my $mp3 = $file =~ /mp3/;

    DirectStream::Media::ffmpeg("$to/$file", sources(2), split ' ',
        $mp3 ? '-vn -c:a libmp3lame -q:a 4' : "$X264 $AAC");

    my $all = slurp("$to/$file");
    my $at = index $all, $mp3 ? 'Xing' : 'duration';

    substr($all, $at + 8, 4) = pack 'N', 3 * unpack 'N',
        substr $all, $at + 8, 4 if $mp3;
    substr($all, $at + 9, 8) = pack 'd>', 30 unless $mp3;

    return spew("$to/$file", $all);
}


# cut on a telephone: it begins between two key frames
sub make_edit {
    my ($to, $file) = @_;

    DirectStream::Media::ffmpeg("$to/whole.mp4", sources(4),
                                split ' ', "$X264 -g 200 $AAC");

    return DirectStream::Media::ffmpeg("$to/$file", '-ss', 2, '-i',
                                       "$to/whole.mp4", qw(-c copy));
}


# a segment of fragments that is played twice
sub make_again {
    my ($to, $file) = @_;

    system(qw(ffmpeg -nostdin -v error -y), sources(2), split(' ',
        "$X264 $AAC -f hls -hls_time 4 -hls_segment_type fmp4"),
        qw(-hls_fmp4_init_filename again.init -hls_segment_filename),
        "$to/again%d.m4s", "$to/$file") == 0 or die "$file: failed\n";

    return spew("$to/$file", "#EXTM3U\n#EXT-X-VERSION:7\n"
        . "#EXT-X-TARGETDURATION:2\n" . "#EXT-X-DISCONTINUITY\n"
        . ("#EXT-X-MAP:URI=\"again.init\"\n#EXTINF:2,\nagain0.m4s\n"
           . "#EXT-X-DISCONTINUITY\n") x 2 . "#EXT-X-ENDLIST\n");
}


# a segment that is not there
sub make_gap {
    my ($to, $file) = @_;

    spew("$to/gap$_.ts", part("$to/part.ts", 'plain', $_)) for 0, 4;

    return spew("$to/$file", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n"
        . join('', map { "#EXTINF:2,\ngap$_.ts\n" } 0, 2, 4)
        . "#EXT-X-ENDLIST\n");
}


sub slurp {
    my ($file) = @_;

    open my $fh, '<:raw', $file or die "$file: $!\n";
    local $/;
    return scalar <$fh>;
}


sub spew {
    my ($file, $bytes) = @_;

    open my $fh, '>:raw', $file or die "$file: $!\n";
    print $fh $bytes;
    close $fh or die "$file: $!\n";

    return;
}


1;
