#!/usr/bin/perl

# A mixed playlist as one stream: 60 items of 48 kinds, copied where they fit
# and encoded where not.  What the far end recorded decodes without an error,
# in one size, each item's picture and sound together.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;
use DirectStream::Mixed;


my $t = DirectStream::Test->new;
my $log = $t->dir . '/as-run/log';

mkdir $t->dir . '/as-run';
chmod 0777, $t->dir . '/as-run';

$t->far(record => 1);

my $media = $t->media_url('mixed');
symlink DirectStream::Mixed::dir(), $t->dir . '/www/mixed';

# neighbours are of different kinds
my @kinds = DirectStream::Mixed::kinds();
my @items = map { $kinds[$_ * 17 % @kinds] } 0 .. 59;
my $n = 0;

my $url = $t->stub_list('PLmixed', entries => [ map {
    $t->stub_entry(sprintf('mixed%06d', ++$n),
                   [ map { "$media/$_" } @{ $_->{urls} } ],
                   title => $_->{name},
                   duration => $DirectStream::Mixed::SECONDS)
} @items ]);

$t->near(directstream => "directstream_log $log json;");

my $w = $t->watch('mixed');
$t->create('mixed', $url, loop => JSON::PP::false, video => 'auto',
           video_size => '160x90', video_rate => 25, video_bitrate => 400000);

ok($t->wait_packet($w), 'on air');

# what is said of an item before it is on air

my %said;

ok($t->wait_for(sub {
    my $s = $t->status('mixed')->{status};
    my $next = $s->{next};

    $said{ $next->{index} } = "$next->{decision} $next->{reason}"
        if $next && defined $next->{reason};

    return $s->{state} eq 'finished';
}, 150), 'all of it was played');

$t->wait_drained($w);

my $flow = $t->watched($w);
diag($flow->summary);

is($t->field('mixed', 'playlist', 'played'), 60, '60 items were played');
is($t->field('mixed', 'output', 'reconnects'), 0, 'one session');

# copy or encode, and why: on air, and before it

my @run;

$t->wait_for(sub {
    @run = map { $t->{json}->decode($_) } split /\n/,
           $t->read_file('as-run/log');
    return @run == 60;
}, 10, 'the log');

for my $i (0 .. 59) {
    my ($k, $r) = ($items[$i], $run[$i]);
    my $name = "$i $k->{name}";

    is($r->{outcome}, 'played', "$name: played") or diag($r->{reason});
    is($r->{decision}, $k->{decision}, "$name: $k->{decision}");
    is($r->{reason}, $k->{reason}, "$name: and why");
    cmp_ok(abs($r->{duration} - $DirectStream::Mixed::SECONDS), '<', 0.4,
           "$name: all of it");

    next if $i == 0;

    is($said{$i}, "$r->{decision} $r->{reason}", "$name: said before");
    is($r->{slate} + $r->{gap}, 0, "$name: no slate before it");
}

# time stamps and arrival

is(join("\n", $flow->backward), '', 'no backward time stamp');

# one is cut within a group of pictures, which is shown as a whole, and silent
# until the cut
is(join("\n", $flow->steps_over('A', 42)), '', 'sound without a hole');

# the slowest has 10 pictures a second
is(join("\n", $flow->steps_over('V', 110)), '', 'nor have pictures one');
cmp_ok(abs($flow->end_difference(40, 23.2)), '<=', 50, 'they end together');

my ($gap, $where) = $flow->largest_gap;
cmp_ok($gap, '<=', 1000, 'no arrival gap over 1 s')
    or diag("$gap ms before DTS $where");

my %sizes = map { $_->{picture} => 1 } $flow->packets('V');
is(join(' ', sort keys %sizes), '160x90', 'one size');

# what was recorded

my ($file) = glob $t->dir . '/far/record/*.flv';
my ($out, $flashes, $beeps) = DirectStream::Mixed::marks($t, $file);
my @flashes = @$flashes;
my @beeps = @$beeps;

is($out, '0 ', 'what was recorded decodes without an error');
is(scalar @flashes, grep({ $_->{name} !~ /^dark/ } @items), 'the flashes');
is(scalar @beeps, grep({ $_->{name} !~ /^silent/ } @items), 'the beeps');

my (@apart, @alone, $worst);
$worst = 0;

for my $f (@flashes) {
    my ($b) = sort { abs($a - $f) <=> abs($b - $f) } @beeps;

    if (abs($b - $f) > 400) {
        push @alone, $f;
        next;
    }

    $worst = abs($b - $f) if abs($b - $f) > $worst;
    push @apart, sprintf '%d: %d', $f, $b - $f if abs($b - $f) > 50;
}

diag("worst: $worst ms");
is(join("\n", @apart), '', 'picture and sound together, in each item');
is(scalar @alone, grep({ $_->{name} =~ /^silent/ } @items),
   'but for those without sound');

$t->finish;
