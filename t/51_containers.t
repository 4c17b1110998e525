#!/usr/bin/perl

# Each container that is played, with "video auto" and as a copy, and those
# that are not: what the as-run log, the items and the far end say of each;
# the table of docs/media.md is made of the same list.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;
use DirectStream::Containers;


my $t = DirectStream::Test->new;
my @played = DirectStream::Containers::played();
my @refused = DirectStream::Containers::refused();
my $SECONDS = $DirectStream::Containers::SECONDS;

# docs

my @rows = grep { /`a\.|`b\.|\.ts`|\.ogg`|\.m4a`/ }
           split /\n/,
                 $t->read_file("$DirectStream::Test::ROOT/docs/media.md")
                 =~ s/\A.*^## Containers\n//msr;

is(join("\n", @rows), join("\n", DirectStream::Containers::table()),
   'docs have the table of this list');

# on air

mkdir $t->dir . '/as-run';
chmod 0777, $t->dir . '/as-run';

$t->far(record => 1);

my $media = $t->media_url('c');
symlink DirectStream::Containers::dir(), $t->dir . '/www/c';

# in three lists, beside each other
my $n = 0;
my @lists = ([], [], []);
push @{ $lists[$n++ % 3] }, $_ for @played, @refused;

$t->near(directstream => 'encodes 8; directstream_log '
         . $t->dir . '/as-run/log json; source_timeout 10s;');

my (%watch, %names);

for my $i (0 .. 2) {
    my $url = $t->plain_list("list$i",
                             map { "$media/$_->{file}" } @{ $lists[$i] });

    $watch{$i} = $t->watch("auto$i");
    $t->create("auto$i", $url, loop => JSON::PP::false, video => 'auto',
               video_size => '160x90', video_rate => 25,
               video_bitrate => 300000);

    $names{"auto$i"} = $lists[$i];
}

# as copies most fail: a stream is patient after three of them in a row

my @copies = (@played, @refused);

for (my $i = 0; @copies; $i++) {
    my @files = splice @copies, 0, 3;

    $t->create("copy$i", $t->plain_list("some$i",
                                        map { "$media/$_->{file}" } @files),
               loop => JSON::PP::false, video => 'copy');
    $names{"copy$i"} = \@files;
}

for my $name (sort keys %names) {
    ok($t->wait_for(sub { $t->state($name) =~ /^(finished|failed)$/ }, 90),
       "$name: to its end");
}

my %run;

for (map { $t->{json}->decode($_) } split /\n/, $t->read_file('as-run/log')) {
    my ($file) = $_->{source} =~ m{/c/(.*)};
    $run{$_->{stream} =~ /auto/ ? 'auto' : 'copy'}{$file} = $_;
}

my %item;

for my $name (keys %names) {
    my $mode = substr $name, 0, 4;
    my @files = @{ $names{$name} };

    $item{$mode}{ (shift @files)->{file} } = $_ for $t->items($name);
}

for my $p (@played) {
    my ($f, $r) = ($p->{file}, $run{auto}{ $p->{file} } || {});

    is($r->{outcome}, 'played', "$f: played")
        or diag(explain($r, $item{auto}{$f}));
    is($r->{reason}, $p->{auto}, "$f: and how");
    cmp_ok(abs(($r->{duration} || 0) - $SECONDS), '<', 0.3, "$f: all of it");

    if ($p->{copy} eq 'played') {
        is($run{copy}{$f}{outcome}, 'played', "$f: copied");
        cmp_ok(abs(($run{copy}{$f}{duration} || 0) - $SECONDS), '<', 0.3,
               "$f: all of it");
        next;
    }

    is($item{copy}{$f}{code}, $p->{copy}, "$f: not copied, why")
        or diag(explain($item{copy}{$f}));
}

for my $p (@refused) {
    for my $mode (qw(auto copy)) {
        my $e = $item{$mode}{ $p->{file} };

        is($e->{code}, 'source_invalid', "$p->{file}: refused, $mode");
        like($e->{reason}, qr/^container \Q$p->{container}\E[ ,]/,
             "$p->{file}: and said what it is");
    }
}

# the far end

for my $i (0 .. 2) {
    $t->wait_drained($watch{$i});

    my $flow = $t->watched($watch{$i});
    diag($flow->summary);

    is(join("\n", $flow->backward), '', "list $i: no backward time stamp");
    is(join("\n", $flow->steps_over('V', 110)), '', "list $i: no hole");
    is(join("\n", $flow->steps_over('A', 60)), '', "list $i: nor in sound");

    my ($file) = glob $t->dir . "/far/record/auto$i-*.flv";
    $file ||= (glob $t->dir . "/far/record/auto$i*.flv")[0];

    my ($status, $out) = $t->command(qw(ffmpeg -nostdin -v error -xerror
        -fflags noparse -i), $file, qw(-f null -));
    is("$status $out", '0 ', "list $i: what was recorded decodes");
}

$t->finish;
