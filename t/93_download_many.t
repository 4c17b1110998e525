#!/usr/bin/perl

# Many streams in download mode that all begin at the same moment: never more
# resolvers at one time than there are places, and each stream gets its turn.
# DOWNLOAD_STREAMS sets how many.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $n = $ENV{DOWNLOAD_STREAMS} || 16;
my $t = DirectStream::Test->new;
my $log = $t->dir . '/places';
my $stub = $t->stub_command;
my $counted = $t->dir . '/yt-dlp-counted';

# each call counts those that live, itself among them
$t->write_file('yt-dlp-counted', <<"END");
#!/bin/sh
: > $log/\$\$
n=0
for f in $log/*; do
    kill -0 \${f##*/} 2>/dev/null && n=\$((n + 1))
done
echo \$n >> $log.all
exec $stub "\$\@"
END
chmod 0755, $counted;

mkdir $log;
chmod 0777, $log, $t->dir;

$t->media;
$t->near(resolve_command => $counted);

for my $i (1 .. $n) {
    my $list = $t->stub_list("PLmany$i", latency => 0.2, entries => [
        map { $t->stub_entry(sprintf('many%05d%02d', $i, $_), 'a.mp4') }
            1 .. 2
    ]);

    is(($t->create("s$i", $list, mode => 'download'))[0], 201, "s$i");
}

for my $i (1 .. $n) {
    ok($t->wait_for(sub { ($t->field("s$i", 'playlist', 'played') || 0) >= 2 },
                    60 + $n), "s$i: both are played");
}

my @at = split /\n/, $t->read_file('places.all');
my ($calls, $most) = (scalar @at, (sort { $b <=> $a } @at)[0]);

diag("$n streams: $calls calls, at most $most at one time");
cmp_ok($calls, '>=', $n, 'they have asked');

my ($places) = $t->log_of =~ /directstream: (\d+) resolvers and /;
cmp_ok($most, '<=', $places, "no more than its $places places");
cmp_ok($most, '>=', 2, 'and more than one');

$t->finish;
