#!/usr/bin/perl

# Items drawn at random, good ones of 48 kinds from servers with small faults
# and bad ones among them, as one stream that encodes what it cannot copy.
# What the far end recorded decodes without an error, has each good item at
# the time that the as-run log says, and nothing of the bad ones.  DRAWN_ITEMS
# sets how many; DRAWN_SEED repeats a run.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;
use DirectStream::Mixed;

use Time::Local qw(timegm);


my $many = $ENV{DRAWN_ITEMS} || 14;
my $seed = $ENV{DRAWN_SEED} || $$;
my $slow = $ENV{DS_SLOW} || 1;

diag("$many items, seed $seed");
srand $seed;

my $t = DirectStream::Test->new;
my $dir = $t->dir;
my $log = "$dir/as-run/log";

mkdir "$dir/as-run";
chmod 0777, "$dir/as-run";

$t->far(record => 1);

my $media = $t->media_url('mixed');
symlink DirectStream::Mixed::dir(), "$dir/www/mixed";


sub file {
    my ($name, $bytes) = @_;

    open my $fh, '>', "$dir/www/$name" or die "$name: $!\n";
    print $fh $bytes;
    close $fh;

    return;
}


my $plain = $t->read_file("$dir/www/mixed/plain.mp4");

file('noise.mp4', join '', map { chr int rand 256 } 1 .. 50_000);
file('empty.mp4', '');
file('half.mp4', substr $plain, 0, length($plain) / 2);
file('page.mp4', '<!DOCTYPE html><title>Sign in</title>' . ' ' x 5000);
file('zeros.ts', "\0" x 100_000);

my @heals = ('', '', 'latency=300', 'drop=40000', 'pause=9000-300',
             'first=1;status=503', 'nolength=1');
my @bad = (
    [ 'missing', 'mixed/none.mp4' ],
    [ 'gone', 'mixed/plain.mp4?status=410' ],
    [ 'denied', 'mixed/plain.mp4?status=404' ],
    [ 'noise', 'noise.mp4' ],
    [ 'empty', 'empty.mp4' ],
    [ 'half', 'half.mp4' ],
    [ 'page', 'page.mp4' ],
    [ 'zeros', 'zeros.ts' ],
);

my @kinds = DirectStream::Mixed::kinds();
my @items;

# the first one is good: it is what times are taken from
for my $i (0 .. $many - 1) {
    my $id = sprintf 'drawn%06d', $i;

    if ($i > 0 && rand() < 0.3) {
        my ($name, $path) = @{ $bad[int rand @bad] };

        push @items, { id => $id, name => $name,
                       urls => [ $t->media_url($path)
                                 . ($path =~ /\?/ ? ';' : '?') . "n=$i" ] };
        next;
    }

    my $k = $kinds[int rand @kinds];
    my $heal = @{ $k->{urls} } == 1 && $k->{urls}[0] !~ /m3u8$/
               ? $heals[int rand @heals] : '';

    push @items, { id => $id, name => "$k->{name} $heal", good => 1,
                   at => $k->{name} =~ /^(?:cut|early)\./ ? 0.5 : 0.8,
                   urls => [ map { "$media/$_?n=$i"
                                   . ($heal ? ";$heal" : '') }
                             @{ $k->{urls} } ] };
}

my @good = grep { $_->{good} } @items;
my $url = $t->stub_list('PLdrawn', entries => [ map {
    $t->stub_entry($_->{id}, $_->{urls}, title => $_->{name})
} @items ]);

$t->near(directstream => "directstream_log $log json;");

my $w = $t->watch('drawn');
$t->create('drawn', $url, loop => JSON::PP::false, video => 'auto',
           video_size => '160x90', video_rate => 25, video_bitrate => 400000);

ok($t->wait_state('drawn', 'finished', $slow * (60 + 5 * $many)),
   'all of it was played');
$t->wait_drained($w);

my $flow = $t->watched($w);
diag($flow->summary);

is($t->field('drawn', 'output', 'reconnects'), 0, 'one session');
is(join("\n", $flow->backward), '', 'no backward time stamp');


# what became of each

my %said;

for (my $from = 0; $from < $many; $from += 100) {
    my (undef, $page) = $t->api('GET',
                       "api/1/streams/drawn/items?offset=$from&limit=100");

    $said{ $_->{id} } = $_ for @{ $page->{items} };
}

my @lost = grep { ($said{ $_->{id} }{state} // '') ne 'played' } @good;
is(join("\n", map { "$_->{id} $_->{name}: " . ($said{ $_->{id} }{code} // '') }
              @lost), '', scalar(@good) . ' good ones were played');

my @aired = grep { !$_->{good}
                   && (($said{ $_->{id} }{state} // '') eq 'played'
                       || !$said{ $_->{id} }{code}) } @items;
is(join("\n", map { "$_->{id} $_->{name}" } @aired), '',
   scalar(@items) - @good . ' bad ones have a code');

my @run;

$t->wait_for(sub {
    @run = map { $t->{json}->decode($_) } split /\n/,
           $t->read_file('as-run/log');
    return @run >= @good;
}, 10, 'the log');

is(join(' ', map { "$_->{id}:$_->{outcome}" } @run),
   join(' ', map { "$_->{id}:played" } @good),
   'the as-run log has these, in order');


# what was recorded

my ($file) = glob "$dir/far/record/*.flv";
my ($out, $flashes, $beeps) = DirectStream::Mixed::marks($t, $file);

is($out, '0 ', 'what was recorded decodes without an error');


sub seconds {
    my ($text) = @_;

    my ($y, $mon, $d, $h, $m, $s) = $text =~ /(\d+)/g;
    my ($part) = $text =~ /(\.\d+)/;

    return timegm($s, $m, $h, $d, $mon - 1, $y) + ($part // 0);
}


# a flash or a beep, one of which each item has

my @marks;

for my $at (sort { $a <=> $b } map { $_ / 1000 } @$flashes, @$beeps) {
    push @marks, $at unless @marks && $at - $marks[-1] < 0.4;
}

is(scalar @marks, scalar @good, 'each of them once, and nothing else');

my @off;

for my $i (1 .. (@marks < @run ? $#marks : $#run)) {
    my $seen = $marks[$i] - $marks[0] - $good[$i]{at} + $good[0]{at};
    my $told = seconds($run[$i]{started}) - seconds($run[0]{started});

    push @off, sprintf '%s: %.2f s, the log %.2f', $good[$i]{name}, $seen,
                       $told if abs($seen - $told) > 0.5;
}

is(join("\n", @off), '', 'when the as-run log says');

$t->finish;
