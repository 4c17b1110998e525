#!/usr/bin/perl

# What changes within an item, begins late, jumps, or has more tracks than
# one: the as-run log says how each was played and for how long, and at the
# far end there is no hole that the item does not have, no header without
# parameter sets, and nothing that does not decode.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;
use DirectStream::Odd;


my $t = DirectStream::Test->new;
my @files = DirectStream::Odd::files();
my $LISTS = 6;

mkdir $t->dir . '/as-run';
chmod 0777, $t->dir . '/as-run';

$t->far(record => 1);

my $media = $t->media_url('odd');
symlink DirectStream::Odd::dir(), $t->dir . '/www/odd';

$t->near(directstream => 'encodes 8; buffer 20s 16m; directstream_log '
         . $t->dir . '/as-run/log json;');

is(join("\n", $t->book_rows('media.md', 'Odd files')),
   join("\n", DirectStream::Odd::table()), 'docs have the table of this list');

my (%watch, %list);

for my $mode (qw(auto copy)) {
    my $n = 0;

    for my $f (grep { defined $_->{$mode} } @files) {
        push @{ $list{ $mode . $n++ % $LISTS } }, $f;
    }
}

for my $name (sort keys %list) {
    my ($mode) = $name =~ /(\D+)/;

    $watch{$name} = $t->watch($name);
    $t->create($name, $t->plain_list($name,
                                     map { "$media/$_->{file}" }
                                     @{ $list{$name} }),
               loop => JSON::PP::false, video => $mode,
               video_size => '160x90', video_rate => 25, audio_rate => 48000,
               video_bitrate => 300000);
}

for my $name (sort keys %list) {
    ok($t->wait_state($name, 'finished', 100), "$name: to its end");
}

my (%run, %item);

for (map { $t->{json}->decode($_) } split /\n/, $t->read_file('as-run/log')) {
    my ($file) = $_->{source} =~ m{/odd/(.*)};
    $run{ $_->{stream} =~ /auto/ ? 'auto' : 'copy' }{$file} = $_;
}

for my $name (keys %list) {
    my @f = @{ $list{$name} };
    $item{ substr $name, 0, 4 }{ (shift @f)->{file} } = $_
        for $t->items($name);
}

for my $mode (qw(auto copy)) {
    for my $f (grep { defined $_->{$mode} } @files) {
        my $what = "$mode $f->{file}";
        my $r = $run{$mode}{ $f->{file} } || {};
        my $i = $item{$mode}{ $f->{file} };

        if ($f->{$mode} =~ /^codec_/) {
            is($i->{code}, $f->{$mode}, "$what: refused, or ended with")
                or diag(explain($r, $i));
            next;
        }

        my $cut = $f->{$mode} =~ /ends at/;

        is($r->{outcome}, $cut ? 'failed' : 'played', "$what: outcome")
            or diag(explain($r, $i));
        is($r->{code}, 'source_cut', "$what: its code") if $cut;
        like($r->{reason}, qr/$f->{$mode}/, "$what: and how");
        cmp_ok(abs(($r->{duration} || 0) - $f->{seconds}), '<', 0.6,
               "$what: all of it") or diag($r->{duration});
    }
}


# the headers of H.264 in a file of FLV: those without parameter sets
sub bare {
    my ($file) = @_;

    my ($bare, $n, $head) = (0, 0);

    open my $fh, '<:raw', $file or return -1;
    read $fh, $head, 13;

    while (read($fh, $head, 11) == 11) {
        my $size = unpack 'N', "\0" . substr $head, 1, 3;
        last if read($fh, my $body, $size + 4) < $size + 4;

        next unless ord $head == 9 && $size > 12
            && substr($body, 1, 1) eq "\0";

        my $sets = ord(substr $body, 10, 1) & 0x1f;
        my $length = unpack 'n', substr $body, 11, 2;

        $n++;
        $bare++ if !$sets || ord(substr $body, 13 + $length, 1) == 0;
    }

    return $n ? $bare : -1;
}


for my $name (sort keys %list) {
    $t->wait_drained($watch{$name});

    my $flow = $t->watched($watch{$name});
    diag("$name: " . $flow->summary);

    is(join("\n", $flow->backward), '', "$name: no backward time stamp");

    # at a change a frame or two may be lost
    is(join("\n", $flow->steps_over('V', 260)), '', "$name: no hole");

    is(join("\n", $flow->steps_over('A', 90)), '', "$name: nor in sound")
        if $name =~ /auto/;

    my ($file) = glob $t->dir . "/far/record/$name*.flv";

    is(bare($file), 0, "$name: no header without parameter sets");

    my ($status, $out) = $t->command(qw(ffmpeg -nostdin -v error -xerror
        -fflags noparse -reinit_filter 0 -i), $file, qw(-f null -));
    is("$status $out", '0 ', "$name: what was recorded decodes")
        if $name =~ /auto/;
}

$t->finish;
