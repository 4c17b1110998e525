#!/usr/bin/perl

# The schedule: what is wrong is refused, in nginx.conf and by the API; at the
# far end hard slots begin at their time, soft and next ones at an item's end;
# idents come again and again; a slot's end, its count and its place in its
# list; a reload and a kill within a slot.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;

use DirectStream::Events;
use POSIX ();


my $t = DirectStream::Test->new;
my $dir = $t->dir;

$t->far;

mkdir "$dir/logs";
chmod 0777, "$dir/logs";

my $long = $t->plain_list('long', map { "long.mp4?$_" } 0 .. 3);
my $short = $t->plain_list('short', map { "a.mp4?$_" } 0 .. 40);
my $mid = $t->plain_list('mid', map { "mid.mp4?$_" } 0 .. 9);
my $slot = $t->plain_list('slot', map {
    { url => $t->media_url("two.mp4?$_"), title => "two $_", duration => 4 }
} 0 .. 9);
my $idents = $t->plain_list('idents', map {
    { url => $t->media_url("c.mp4?$_"), title => "ident $_", duration => 2 }
} 0 .. 2);

sub clock_of {
    return POSIX::strftime('%H:%M:%S', gmtime shift);
}

my $common = "directstream_log $dir/logs/asrun.log json;\n";


# what nginx -t says

my @bad = (
    [ 'slot 25:00 playlist=PLxxxxxxxxxxxxxxxx;', qr/invalid "slot": "at" must/,
      3 ],
    [ 'slot 06:00;', qr/has no "playlist"/, 3 ],
    [ "slot mon 06:00 playlist=$slot;\nslot 06:00 playlist=$slot;",
      qr/slot "mon 06:00" can never air/, 3 ],
    [ "slot 06:00 playlist=$slot start=hard until=08:00;\n"
      . "slot 07:00 playlist=$slot start=hard;",
      qr/hard slots "06:00" and "07:00" overlap/, 4 ],
    [ "slot 06:00 playlist=$slot until=06:00;", qr/"until" must be/, 3 ],
    [ "slot 2026-02-30 06:00 playlist=$slot;", qr/"at" must be/, 3 ],
    [ "slot 06:00 playlist=$slot speed=2;", qr/"speed" is no parameter/, 3 ],
    [ "slot 06:00 playlist=ftp://x/;", qr/invalid "slot": /, 3 ],
    [ "every 5s playlist=$slot;", qr/"every" must be/, 3 ],
    [ 'slots 06:00;', qr/unknown directive "slots"/, 3 ],
    [ '', qr/"schedule" directive has no slot/, 3 ],
);

sub conf_of {
    my ($head, $body) = @_;
    return "$common stream s { playlist $long;\nschedule $head {\n$body\n}\n}";
}

sub conf_file {
    return $t->write_file('near/bad.conf', $t->near_conf(@_));
}

for my $b (@bad) {
    my (undef, $out) = $t->nginx_t(conf_file(
        directstream => conf_of('timezone=UTC', $b->[0])));
    like($out, $b->[1], 'refused: ' . ((split /\n/, $b->[0])[0] // "nothing"));
    my ($base) = $out =~ /:(\d+)$/m;
    ok($base, 'with its line');
}

my (undef, $out) = $t->nginx_t(conf_file(directstream => conf_of(
    'timezone=Europe/Nowhere', "slot 06:00 playlist=$slot;")));
like($out, qr/there is no such time zone/, 'an unknown zone');
(undef, $out) = $t->nginx_t(conf_file(directstream => conf_of(
    'timezone=UTC', "slot 2020-12-24 18:00 playlist=$slot;")));
like($out, qr/\[warn\].*is in the past/, 'of the past: a warning');
like($out, qr/test is successful/, 'and no more');


$t->near(directstream => $common . <<"END", http => <<'END');
stream fixed { playlist $long;
    schedule timezone=Europe/Berlin prepare=30s {
        slot mon-fri 20:00 playlist=$slot start=hard until=20:30;
        filler playlist=$idents fit=trim;
    }
}
END
location = /directstream/metrics { directstream_metrics; }
END

sub put {
    my ($name, $body, %args) = @_;
    return $t->api('PUT', "api/1/streams/$name/schedule", $body, %args);
}

sub as_run {
    my ($name) = @_;
    return grep { $_->{stream} eq $name } map { JSON::PP::decode_json($_) }
           split /\n/, $t->read_file('logs/asrun.log') // '';
}


# what the API says

my ($status, $p) = $t->api('GET', 'api/1/streams/fixed/schedule');
is($status, 200, 'that of the file');
is($p->{timezone}, 'Europe/Berlin', 'its zone');
is($p->{slots}[0]{at}, 'mon-fri 20:00', 'its slot');
is($p->{slots}[0]{start}, 'hard', 'hard');
is($p->{slots}[0]{until}, '20:30', 'until');
ok($p->{slots}[1]{filler}, 'its filler');
($status, $p) = put('fixed', { slots => [] });
is("$status $p->{code}", '409 static_stream', 'is not changed here');
is((put('nobody', { slots => [] }))[0], 404, 'no such stream');

is(($t->create('idle', $long, start => JSON::PP::false))[0], 201, 'a stream');

my $pl = { playlist => $slot };
my @wrong = (
    [ '[]', 'bad_json', '' ],
    [ { slots => 1 }, 'invalid_field', 'slots' ],
    [ { zone => 'UTC' }, 'unknown_field', 'zone' ],
    [ { timezone => 'Mars/Olympus' }, 'invalid_field', 'timezone' ],
    [ { prepare => 0 }, 'invalid_field', 'prepare' ],
    [ { slots => [ { %$pl } ] }, 'invalid_field', 'slots[0].at' ],
    [ { slots => [ { %$pl, at => '6' } ] }, 'invalid_field', 'slots[0].at' ],
    [ { slots => [ { %$pl, at => 7 } ] }, 'invalid_field', 'slots[0].at' ],
    [ { slots => [ { %$pl, at => '06:00' }, { at => '07:00' } ] },
      'invalid_field', 'slots[1].playlist' ],
    [ { slots => [ { %$pl, at => '06:00', start => 'now' } ] },
      'invalid_field', 'slots[0].start' ],
    [ { slots => [ { %$pl, at => '06:00', speed => 2 } ] },
      'invalid_field', 'slots[0].speed' ],
    [ { slots => [ { %$pl, at => '06:00', count => 1.5 } ] },
      'invalid_field', 'slots[0].count' ],
    [ { slots => [ { %$pl, at => '06:00', every => 60 } ] },
      'invalid_field', qr/slots\[0\]\.(?:at|every)/ ],
    [ { slots => [ { %$pl, at => 'mon 06:00' }, { %$pl, at => '06:00' } ] },
      'invalid_field', 'slots[0].at' ],
    [ { slots => [ { %$pl, at => '2020-12-24 18:00' } ] },
      'invalid_field', 'slots[0].at' ],
    [ { slots => [ map { { %$pl, at => sprintf('%02d:%02d', $_ / 4, $_ % 4) } }
                   0 .. 40 ] }, 'invalid_field', 'slots' ],
);

for my $b (@wrong) {
    ($status, $p) = put('idle', $b->[0]);
    my $what = ref $b->[0] ? $t->{json}->encode($b->[0]) : $b->[0];
    is("$status $p->{code}", "400 $b->[1]", 'refused: ' . substr $what, 0, 60);
    like($p->{field} // '', ref $b->[2] ? $b->[2] : qr/^\Q$b->[2]\E$/,
         'and the field');
}

is(scalar @{ ($t->api('GET', 'api/1/streams/idle/schedule'))[1]{slots} }, 0,
   'nothing of it is kept');

($status, $p, my $r) = put('idle', { timezone => 'UTC', slots => [
    { %$pl, at => 'mon-fri 20:00', start => 'soft', late => 90,
      count => 2, cursor => 'restart', join => JSON::PP::false },
    { %$pl, every => 900 } ] });
is($status, 200, 'put');
is($p->{slots}[0]{late}, 90, 'late');
is($p->{slots}[1]{every}, 900, 'every');
my $tag = $r->{headers}{etag};
ok($tag, 'an entity tag');
is((put('idle', { slots => [] }, headers => { 'If-Match' => '"x"' }))[0], 412,
   'another one than If-Match says');
is((put('idle', $p, headers => { 'If-Match' => $tag }))[0], 200,
   'what was got can be put');


# on the air; times are of the near future

my $events = DirectStream::Events->new($t);
my $now = int(time) + 9;
my (%w, %base);

sub stream {
    my ($name, $list, @slots) = @_;

    $w{$name} = $t->watch($name);
    $t->create($name, $list, start => JSON::PP::false);
    is((put($name, { timezone => 'UTC', prepare => 20, slots => \@slots }))[0],
       200, "$name: a schedule");
    is(scalar $t->api('POST', "api/1/streams/$name/start"), 202,
       "$name: started");
}

my @hard = map { $now + 5 * $_ } 0 .. 3;

stream('hard', $long,
       map { { %$pl, at => clock_of($_), start => 'hard',
               until => clock_of($_ + 3) } } @hard);
stream('soft', $mid, { %$pl, at => clock_of($now + 2), start => 'soft',
                       late => 3, count => 1 });
stream('next', $short, { %$pl, at => clock_of($now), start => 'next',
                         count => 2 },
                       { every => 10, playlist => $idents });
stream('fill', $mid, { %$pl, at => clock_of($now + 14), start => 'hard',
                       count => 1 },
                     { filler => JSON::PP::true, playlist => $idents });
stream('gone', $long, { at => clock_of($now), start => 'hard',
                        playlist => $t->publish_file('none.json', '[]'),
                        until => clock_of($now + 6) });

ok($t->wait_state($_, 'live'), "$_: live") for qw(hard soft next fill gone);

ok($t->wait_for(sub {
    ($t->field('hard', 'schedule', 'next') // '') eq clock_of($hard[1])
}, 20), 'the status says what is next');
ok($t->wait_for(sub {
    $t->field('gone', 'schedule', 'due_late')
}, 20), 'what is not ready is late');
ok($t->wait_for(sub { time > $hard[3] + 5 }, 60), 'time');

my $flow = $t->watched($w{hard});
my (@starts, @lasts);
my $was = '';

for my $v ($flow->packets('V')) {
    if ($v->{picture} eq '640x360') {
        push @starts, $v->{at} + $flow->{offset} if $was ne '640x360';
        $lasts[$#starts] += 40;
    }

    $was = $v->{picture};
}

is(scalar @starts, 4, 'far end: each hard slot');

for my $i (0 .. $#starts) {
    my $late = $starts[$i] - $hard[$i] * 1000;
    # what is copied begins with a key frame; a busy machine is slow
    ok($late > -50 && $late < 2000, "hard: $late ms after its time");
    # the clip has 4 s
    ok($lasts[$i] > 500 && $lasts[$i] <= 3400, "hard: until its end: "
       . "$lasts[$i] ms");
}

is(scalar($flow->backward), 0, 'no backward time stamp');
cmp_ok($flow->largest_step('V'), '<=', 200, 'no gap');

my @run = as_run('hard');
my @slots = grep { $_->{slot} } @run;
is(scalar(grep { defined $_->{late} } @slots), 4, 'as run: begun');
cmp_ok($_->{late}, '<', 2, 'as run: in time')
    for grep { defined $_->{late} } @slots;
is(scalar(grep { $_->{slate} > 0 } @run), 0, 'no slate');

my @titles = map { $_->{title} } grep { defined $_->{late} } @slots;
is("@titles", 'two 0 ' x 3 . 'two 0', 'each slot its own place');

my ($soft) = grep { $_->{slot} } as_run('soft');
ok($soft && $soft->{late} >= 0 && $soft->{late} < 3.5,
   'soft: at an item\'s end or when it is late: ' . ($soft->{late} // 'not'));
is(scalar(grep { $_->{slot} } as_run('soft')), 1, 'soft: one item');

@run = as_run('next');
my ($first) = grep { $_->{slot} && $_->{slot} !~ /every/ } @run;
ok($first && $first->{late} < 7, 'next: at an item\'s end');
is(scalar(grep { $_->{outcome} ne 'played' } @run), 0, 'next: nothing is cut');
is(scalar(grep { $_->{slot} eq clock_of($now) } @run), 2, 'next: its count');
@titles = map { $_->{title} } grep { $_->{slot} eq 'every 10s' } @run;
like("@titles", qr/^ident 0 ident 1/, 'every: one after the other');

@run = as_run('fill');
my ($i) = grep { $run[$_]{slot} && $run[$_]{slot} ne 'filler' } 0 .. $#run;
ok($i && $run[$i]{late} < 2, 'fill: in time');
is(scalar(grep { $_->{slot} eq 'filler' } @run[0 .. $i - 1]) ? 1 : 0, 1,
   'fill: before it what fits');

is($t->field('gone', 'schedule', 'missed'), 1, 'gone: missed');
is($t->state('gone'), 'live', 'gone: what was on goes on');

ok($events->wait_event('log', sub {
    $_->{type} eq 'slot' && $_->{message} =~ /is on air, \d+ ms after/
}), 'an event of a start');
ok($events->wait_event('log', sub {
    $_->{type} eq 'slot' && $_->{message} =~ /has not come on air/
}), 'and of one that was missed');
$events->close;

my $metrics = HTTP::Tiny->new->get($t->base . '/directstream/metrics')
              ->{content};
like($metrics,
     qr/^directstream_slot_late_seconds\{stream="hard"\} [01]\.?\d*$/m,
     'metrics: late');
like($metrics, qr/^directstream_slots_started_total\{stream="hard"\} 4$/m,
     'metrics: started');
like($metrics, qr/^directstream_slots_missed_total\{stream="gone"\} 1$/m,
     'metrics: missed');

$t->api('DELETE', "api/1/streams/$_") for qw(soft next fill gone);


# a kill and a reload within a slot

my $at = int(time) + 3;
is((put('hard', { timezone => 'UTC', prepare => 20, slots => [
    { %$pl, at => clock_of($at), start => 'hard', until => clock_of($at + 90) }
] }))[0], 200, 'a new schedule of what runs');
ok($t->wait_for(sub {
    ($t->field('hard', 'item') // {})->{slot}
}, 40), 'is followed');

# on a busy machine it is joined, and not from its top
ok($t->wait_for(sub {
    (($t->field('hard', 'item') // {})->{title} // '') =~ /^two [1-9]/
}, 20), 'another item than its first');

my $pid = $t->field('hard', 'owner_pid');
$t->signal('HUP');
ok($t->wait_for(sub { (my @p = $t->relay_pids) > 1 }, 10), 'a reload');
is($t->field('hard', 'owner_pid'), $pid, 'it goes on');
is(($t->field('hard', 'item') // {})->{slot}, clock_of($at), 'in the slot');

$t->allow(qr/exited on signal 9/);
sleep 1 while time < $at + 5;
kill 'KILL', $pid;
ok($t->wait_for(sub {
    ($t->field('hard', 'owner_pid') || $pid) != $pid
        && (($t->field('hard', 'item') // {})->{slot} // '') eq clock_of($at);
}, 20), 'killed: in the slot again');

my $item = $t->field('hard', 'item');
my ($n) = $item->{title} =~ /(\d+)$/;
my $off = time - $at - 4 * $n - $item->{position};
# the list of ten begins again
$off -= 40 while $off > 20;
ok(abs($off) < 2.5, "as if begun in time: $item->{title}, $off s");

$t->finish;
