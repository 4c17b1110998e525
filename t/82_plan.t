#!/usr/bin/perl

# The plan: what is wrong with a question is told, a schedule that is not saved
# is planned and changes nothing, conflicts are named, pages and times are cut
# as they are asked for, and what airs is what was said before.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;

use POSIX ();
use Time::Local ();


my $t = DirectStream::Test->new;
my $dir = $t->dir;

$t->far;

mkdir "$dir/logs";
chmod 0777, "$dir/logs";

sub titled {
    my ($name, $file, $length, $n) = @_;
    return $t->plain_list($name, map {
        { url => $t->media_url("$file?$_"), title => "$name $_ <&\">",
          id => "$name-$_", duration => $length }
    } 0 .. $n - 1);
}

my $base = titled('base', 'two.mp4', 4, 40);
my $slot = titled('slot', 'a.mp4', 2, 10);
my $other = titled('other', 'c.mp4', 2, 10);

sub clock_of {
    return POSIX::strftime('%H:%M:%S', gmtime shift);
}

sub iso {
    return POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime shift);
}

sub unix {
    my ($y, $m, $d, $H, $M, $S, $ms)
        = shift =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)(\.\d+)?Z$/;
    return Time::Local::timegm($S, $M, $H, $d, $m - 1, $y) + ($ms // 0);
}

# so near that a plan of short items has it
my $hour = (gmtime time + 7200)[2];
my $clock = sprintf '%02d:00', $hour;
my $end = sprintf '%02d:30', $hour;

$t->near(directstream => "directstream_log $dir/logs/asrun.log json;\n"
    . <<"END");
stream fixed { playlist $base; loop on;
    schedule timezone=UTC {
        slot $clock playlist=$slot start=hard until=$end;
        filler playlist=$other fit=trim;
    }
}
END

my $api = 'api/1/streams';

sub planned {
    my ($name, $args) = @_;
    return $t->api('GET', "$api/$name/plan" . ($args // ''));
}

sub check {
    my ($name, $slots, $args) = @_;
    return $t->api('POST', "$api/$name/plan/check" . ($args // ''),
                   { timezone => 'UTC', prepare => 20, slots => $slots });
}


# what is wrong with a question

is((planned('nobody'))[0], 404, 'no such stream');
is((check('nobody', []))[0], 404, 'nor here');

for my $b ([ 'from=now', 'from' ], [ 'until=tomorrow', 'until' ],
           [ 'until=2020-01-01T00:00:00Z', 'until' ],
           [ 'from=2026-02-30T00:00:00Z', 'from' ],
           [ 'until=' . iso(time + 9 * 86400), 'until' ],
           [ 'from=' . iso(time + 7200) . '&until=' . iso(time + 3600),
             'until' ],
           [ 'limit=0', 'limit' ], [ 'offset=x', 'offset' ])
{
    my ($status, $p) = planned('fixed', "?$b->[0]");
    is("$status $p->{code} $p->{field}", "400 invalid_field $b->[1]",
       "refused: $b->[0]");
}

my ($status, $p) = check('fixed', [ { at => '25:00', playlist => $slot } ]);
is("$status $p->{code} $p->{field}", '400 invalid_field slots[0].at',
   'a schedule that would be refused is');


# a stream that runs

($status, $p) = planned('fixed');
is($status, 200, 'a plan of a stream of the file');
ok(@{ $p->{entries} } > 50, 'a day is many items');
is($p->{total} > @{ $p->{entries} } ? 1 : 0, 1, 'and this is a part');
is(scalar @{ $p->{entries} }, 100, 'of a hundred');

my @all = @{ $p->{entries} };

for my $i (1 .. $#all) {
    next if $all[$i]{start} eq $all[$i - 1]{end};
    fail("entry $i follows the one before");
    last;
}

my ($from, $until) = (unix($all[0]{start}), time + 3600);
($status, $p) = planned('fixed', '?offset=10&limit=5&from=' . iso($from)
                     . '&until=' . iso($until));
is(scalar @{ $p->{entries} }, 5, 'a page');
is($p->{offset}, 10, 'and where it is');
is($p->{truncated} ? 1 : 0, 0, 'nothing is left out');
ok(unix($p->{entries}[0]{start}) < $until, 'within the time');

# the next of its hard slots

my $at = Time::Local::timegm(0, 0, $hour, (gmtime)[3, 4, 5]);
$at += 86400 if $at < time + 60;
($status, $p) = planned('fixed', '?from=' . iso($at - 1) . '&until='
                     . iso($at + 1800));
my ($first) = grep { $_->{why} eq 'slot' } @{ $p->{entries} };
is($first->{start}, iso($at) =~ s/Z$/.000Z/r, 'a hard slot at its time');
is($first->{late}, 0, 'in time');
is($first->{slot}, $clock, 'its name');
like($first->{item}{title}, qr/^slot 0/, 'its item');
my ($before) = grep { $_->{end} eq $first->{start} } @{ $p->{entries} };
ok($before && ($before->{cut} || $before->{why} eq 'filler'),
   'what is before it is filled or cut');


# a schedule that is not saved

my $tag = ($t->api('GET', "$api/fixed/schedule"))[2]{headers}{etag};
my $day = $at - $at % 86400 + 86400;
($status, $p) = check('fixed', [
    { at => '06:00', playlist => $slot, start => 'soft', late => 0,
      until => '08:00' },
    { at => '07:00', playlist => $other, start => 'hard', until => '07:30' },
    { at => '12:00', playlist => $t->publish_file('none.json', '[]') },
], '?limit=1000&until=' . iso($day + 86400));
is($status, 200, 'planned');
my %kinds = map { ("$_->{kind} $_->{slot}" => $_) } @{ $p->{conflicts} };
my $cut = $kinds{'cut 06:00'};
is($cut ? "$cut->{by} $cut->{seconds}" : '', '07:00 3600',
   'one that is cut short, and by what');
ok($kinds{'empty 12:00'}, 'and one without items');
is(($t->api('GET', "$api/fixed/schedule"))[2]{headers}{etag}, $tag,
   'nothing has changed');


# the same as XMLTV, by the structure of its DTD

is(($t->create('tv', $base))[0], 201, 'one for the guide');
is(($t->api('PUT', "$api/tv/schedule", { timezone => 'Asia/Kolkata', slots => [
    { at => '12:00', playlist => $other, start => 'hard', count => 1 } ] }))[0],
   200, 'in a zone of half an hour');
ok($t->wait_state('tv', 'live'), 'live');

my $r = ($t->api('GET', "$api/tv/guide.xml?until=" . iso(time + 90000)))[2];
is($r->{status}, 200, 'a guide');
is($r->{headers}{'content-type'}, 'application/xml', 'of XML');

my $xml = $r->{content};
ok($xml =~ s/\A<\?xml\ version="1\.0"\ encoding="UTF-8"\?>\n
             <!DOCTYPE\ tv\ SYSTEM\ "xmltv\.dtd">\n
             <tv\ generator-info-name="directstream">\n//x, 'its head');
ok($xml =~ s/\A\s*<channel\ id="tv\.directstream">\s*
             <display-name>tv<\/display-name>\s*<\/channel>\n//x,
   'one channel, with a name');

my ($n, $last, @odd) = (0, 0);

while ($xml =~ s/\A\s*<programme\ start="(\d{14})\ \+0530"
                 \ stop="(\d{14})\ \+0530"\ channel="tv\.directstream">\s*
                 <title>([^<>]+)<\/title>\s*<\/programme>\n//x)
{
    my ($start, $stop, $title) = ($1, $2, $3);

    push @odd, "$start $stop" if $start < $last || $stop <= $start;
    push @odd, $title
        if $title !~ /^(?:base|other) \d+ &lt;&amp;"&gt;$/;
    $last = $start;
    $n++;
}

is($xml, "</tv>\n", 'programmes and the end, and nothing else');
is("@odd", '', 'one after the other, escaped');
cmp_ok($n, '>', 500, "$n programmes");
cmp_ok($n, '<=', 2000, 'no more than it may have');
$t->api('DELETE', "$api/tv");



# a stream that does not run: its lists are read

is(($t->create('idle', $base, start => JSON::PP::false))[0], 201, 'a stream');
($status, $p) = planned('idle', '?limit=3');
is($status, 200, 'planned as if it were started');
like($p->{entries}[0]{item}{title}, qr/^base 0/, 'with its first item');
is($t->create('blind', $t->publish_file('empty.json', '[]'),
              start => JSON::PP::false) ? 1 : 0, 1, 'one without items');
($status, $p) = planned('blind');
is("$status $p->{code}", '502 playlist_empty', 'is told');


# what airs is what was planned

$t->create('air', $base);
ok($t->wait_state('air', 'live'), 'live');

# within an item, not at its end

my ($in) = grep { unix($_->{start}) > time + 5 }
           @{ (planned('air', '?limit=8'))[1]{entries} };
my $now = int(unix($in->{start}) + 1.5);
is(($t->api('PUT', "$api/air/schedule", { timezone => 'UTC', prepare => 20,
    slots => [
        { at => clock_of($now), playlist => $slot, start => 'hard',
          until => clock_of($now + 5) },
        { at => clock_of($now + 11), playlist => $other, start => 'next',
          count => 2 },
    ] }))[0], 200, 'a schedule');
ok($t->wait_for(sub { $t->field('air', 'schedule', 'next') }, 10), 'is known');
is(($t->api('POST', "$api/air/queue",
            { index => 30, title => 'queued' }))[0], 202, 'queued');

ok($t->wait_for(sub {
    ($status, $p) = planned('air', '?limit=12&until=' . iso($now + 60));
    grep { $_->{why} eq 'queue' } @{ $p->{entries} };
}, 10), 'is planned');
ok($t->wait_for(sub { time > $now + 20 }, 60), 'time');

my @run = map { JSON::PP::decode_json($_) }
          split /\n/, $t->read_file('logs/asrun.log') // '';
@run = grep { $_->{stream} eq 'air' } @run;

my @said = map { ($_->{slot} // '') . ' ' . ($_->{item}{id} // '') }
           @{ $p->{entries} };
my @was = map { $_->{slot} . ' ' . $_->{id} } @run;
shift @was while @was && $was[0] ne $said[0];
ok(@was >= 6, 'some items: ' . scalar @was);
splice @said, scalar @was;
is(join("\n", @was), join("\n", @said), 'what aired is what was planned');
is(scalar(grep { /^\Q${\ clock_of($now)}\E/ } @was) >= 2 ? 1 : 0, 1,
   'the slot among it');

for my $s (clock_of($now), clock_of($now + 11)) {
    my ($e) = grep { ($_->{slot} // '') eq $s } @{ $p->{entries} };
    my ($r) = grep { $_->{slot} eq $s && defined $_->{late} } @run;
    my $off = $e && $r ? abs(unix($e->{start}) - unix($r->{started})) : 99;
    cmp_ok($off, '<', 2.5, "slot $s: when it was said, or $off s off");
}

$t->finish;
