package DirectStream::Media;

# The clips of the tests, made by ffmpeg once and shared by all tests of a
# run.  Each has a shape of its own: GOP, B frames, rate, length.

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use Fcntl qw(:flock);
use POSIX ();


# name: [seconds, size, sound rate, options of x264, seconds of sound, title]

my %clips = (
    'a.mp4' => [2, '320x180', 44100, '-g 25 -bf 0', 2],
    'b.mp4' => [2, '320x180', 44100, '-g 50 -bf 2', 2],
    'c.mp4' => [2, '640x360', 44100, '-g 12 -bf 0', 2],
    'd.mp4' => [2, '320x180', 48000, '-g 25 -bf 2 -b_strategy 0', 2],

    # sound that ends a little early, a little late
    'e.mp4' => [2, '320x180', 44100, '-g 25 -bf 0 -refs 2', 1.94],
    'f.mp4' => [2, '320x180', 44100, '-g 25 -bf 3 -b_strategy 0', 2.06],

    # and much
    'early.mp4' => [2, '320x180', 44100, '-g 25 -bf 0 -refs 2', 1.7],
    'late.mp4' => [2, '320x180', 44100, '-g 25 -bf 3 -b_strategy 0', 2.4],

    'mid.mp4' => [8, '320x180', 44100, '-g 50 -bf 0', 8],
    'long.mp4' => [60, '320x180', 44100, '-g 50 -bf 0', 60],
    'two.mp4' => [4, '640x360', 44100, '-g 50 -bf 2', 4],
);

my $recipe = 4;         # another number makes everything anew
my $dir;


sub dir {
    return $dir if defined $dir;

    my $id = md5_hex(join '|', $recipe, map { ($_, @{ $clips{$_} }) }
                               sort keys %clips);

    $dir = $ENV{DS_MEDIA} || '/tmp/directstream-media.' . $> . '-'
                             . substr $id, 0, 8;
    once($dir, \&make);

    return $dir;
}


# fills a folder, unless another test of this run has done it
sub once {
    my ($to, $fill) = @_;

    mkdir $to;
    chmod 0755, $to;

    open my $lock, '>', "$to/.lock" or die "$to: $!\n";
    flock $lock, LOCK_EX or die "$to: $!\n";

    return if -e "$to/.done";

    $fill->($to);

    open my $fh, '>', "$to/.done" or die "$to: $!\n";
    close $fh;

    return;
}


sub names {
    return sort keys %clips;
}


sub path {
    my ($name) = @_;
    return dir() . "/$name";
}


sub ffmpeg {
    my ($file, @args) = @_;

    my ($ext) = $file =~ /(\.\w+)$/;
    my $tmp = "$file.tmp$ext";

    my @argv = ('ffmpeg', '-nostdin', '-v', 'error', '-y', @args, $tmp);

    system(@argv) == 0 or die "@argv: failed\n";
    rename $tmp, $file or die "$file: $!\n";

    return;
}


sub clip {
    my ($file, $seconds, $size, $rate, $x264, $sound, $tone) = @_;

    ffmpeg($file, '-f', 'lavfi', '-i',
           "testsrc2=size=$size:rate=25:duration=$seconds",
           '-f', 'lavfi', '-i',
           "sine=frequency=$tone:sample_rate=$rate:duration=$sound",
           '-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p',
           '-b:v', '300k', '-sc_threshold', 0, split(' ', $x264),
           '-threads', 1, '-c:a', 'aac', '-ac', 2, '-b:a', '64k',
           '-movflags', '+faststart');
    return;
}


sub make {
    my ($to) = @_;

    my $tone = 220;

    for my $name (sort keys %clips) {
        my ($seconds, $size, $rate, $x264, $sound) = @{ $clips{$name} };

        clip("$to/$name", $seconds, $size, $rate, $x264, $sound, $tone);
        $tone += 60;
    }

    ffmpeg("$to/two.video.mp4", '-i', "$to/two.mp4", '-an', '-c', 'copy',
           '-movflags', '+faststart');
    ffmpeg("$to/two.audio.m4a", '-i', "$to/two.mp4", '-vn', '-c', 'copy',
           '-movflags', '+faststart');

    # what cannot be relayed
    ffmpeg("$to/silent.mp4", '-i', "$to/a.mp4", '-an', '-c', 'copy');
    ffmpeg("$to/dark.mp4", '-i', "$to/a.mp4", '-vn', '-c', 'copy');
    ffmpeg("$to/mpeg4.mp4", '-i', "$to/a.mp4", '-c:v', 'mpeg4', '-c:a',
           'copy');
    ffmpeg("$to/mp3.mp4", '-i', "$to/a.mp4", '-c:v', 'copy', '-c:a',
           'libmp3lame');

    open my $fh, '>', "$to/noise.mp4" or die "noise.mp4: $!\n";
    srand 7;
    print $fh pack 'C*', map { int rand 256 } 1 .. 65536;
    close $fh;

    return;
}


# a larger clip for the bench: "mbit" Mbit/s for "seconds"
sub big {
    my ($name, $seconds, $mbit, $size, $rate) = @_;

    my $file = path($name);
    return $file if -e $file;

    my $kbit = $mbit * 1000 - 128;

    ffmpeg($file, '-f', 'lavfi', '-i',
           "testsrc2=size=$size:rate=$rate:duration=$seconds,"
           . 'noise=alls=60:allf=t',
           '-f', 'lavfi', '-i', "sine=frequency=330:duration=$seconds",
           '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p',
           '-b:v', "${kbit}k", '-minrate', "${kbit}k", '-maxrate',
           "${kbit}k", '-bufsize', "${kbit}k", '-x264-params',
           'nal-hrd=cbr', '-g', 50, '-c:a', 'aac', '-ac', 2, '-b:a', '128k',
           '-movflags', '+faststart');

    return $file;
}


1;
