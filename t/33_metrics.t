#!/usr/bin/perl

# directstream_metrics: what promtool accepts, in both formats; its counters
# are those of the API and of the far end, never fall, and outlive a run; it
# answers while the relay worker does not.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
$t->far;

my $url = $t->stub_list('PLmetrics', entries => [
    $t->stub_entry('metricitem01', 'a.mp4'),
    $t->stub_entry('metricitem02', $t->media_url('b.mp4', 'status=404')),
    $t->stub_entry('metricitem03', 'b.mp4'),
]);

$t->near(http => 'location = /metrics { directstream_metrics; }');

my $openmetrics = 'application/openmetrics-text';


sub get {
    my ($method, %headers) = @_;

    return $t->{http}->request($method, $t->base . '/metrics',
                               { headers => \%headers });
}


# { 'directstream_x{stream="y"}' => value }
sub samples {
    my ($text) = @_;

    return { $text =~ /^(directstream_\w+(?:\{[^}]*\})?) (\S+)$/mg };
}


sub scrape {
    return samples(get('GET')->{content});
}


sub value {
    my ($m, $name, $stream, $more) = @_;

    return $m->{"directstream_$name" . (defined $stream
                ? "{stream=\"$stream\"" . ($more ? ",$more" : '') . '}' : '')};
}


my %last;

# whatever is a counter grows only
sub monotonic {
    my ($m, $what) = @_;

    my @fell = grep { /_total\b/ && $last{$_} > (defined $m->{$_}
                                                 ? $m->{$_} : -1) } keys %last;
    is("@fell", '', "counters do not fall: $what");
    %last = %$m;

    return;
}


# streams that are live, failed, stopped, finished

my $w = $t->watch('done');
$t->wait_for(sub { $t->log_of('far') =~ /play: name='done'/ }, 5);

$t->create('done', $url, loop => JSON::PP::false);
$t->create('live', $t->plain_list('live', 'long.mp4'));
$t->create('bad', $t->plain_list('bad', $t->media_url('a.mp4', 'status=403')),
           loop => JSON::PP::false);
$t->create('off', $url, start => JSON::PP::false);

ok($t->wait_state('live', 'live'), 'one is live');
ok($t->wait_state('bad', 'failed'), 'one has failed');

# while one plays

for my $n (1 .. 5) {
    monotonic(scrape(), "scrape $n");
    $t->wait_for(sub { 0 }, 0.3);
}

ok($t->wait_state('done', 'finished', 30), 'one is finished');
ok($t->wait_for(sub { !defined $t->field('done', 'owner_pid') }, 5),
   'nobody runs it any more');

my $r = get('GET');

is($r->{status}, 200, 'GET');
is($r->{headers}{'content-type'},
   'text/plain; version=0.0.4; charset=utf-8', 'its type');
is($r->{headers}{'content-length'}, length $r->{content}, 'its length');

my $text = $r->{content};
my $m = samples($text);

# form

my $file = $t->write_file('metrics.txt', $text);

SKIP: {
    my ($none) = $t->command('which', 'promtool');
    skip 'no promtool', 1 if $none;

    my ($rc, $out) = $t->command('sh', '-c',
                                 "promtool check metrics < $file");
    is("$rc $out", '0 ', 'promtool check metrics');
}

my @names = $text =~ /^# TYPE (\S+) /mg;
my @help = $text =~ /^# HELP (\S+) \S/mg;
is("@names", "@help", 'each has HELP and TYPE');

my %seen;
my ($name, @strange) = '';

for my $line (split /\n/, $text) {
    $name = $1 if $line =~ /^# HELP (\S+)/ && !$seen{$1}++;
    push @strange, $line
        unless $line =~ /^# (?:HELP|TYPE) \Q$name\E /
            || $line =~ /^\Q$name\E(?:\{\w+="[\w.-]+"(?:,\w+="[\w.-]+"){0,2}\})?
                         \ \d+(?:\.\d{3})?$/x;
}

is("@strange", '', 'families stand together');

# docs have them all, and no other

my @told = $t->read_file("$DirectStream::Test::ROOT/docs/metrics.md")
         =~ /^\| `(directstream_\w+)`/mg;
is(join(' ', sort @told), join(' ', sort @names), 'docs have all names');

# values

is(value($m, 'relay_up'), 1, 'the relay worker is up');
is(value($m, 'relay_restarts_total'), 0, 'and never died');

my %states = (live => 'live', bad => 'failed', off => 'stopped',
              done => 'finished');

for my $s (sort keys %states) {
    is(join(' ', grep { value($m, 'stream_state', $s, "state=\"$_\"") }
                 qw(stopped resolving starting live stalled finished failed)),
       $states{$s}, "\"$s\" is $states{$s}");
    is($m->{"directstream_streams{state=\"$states{$s}\"}"}, 1,
       "one stream is $states{$s}");
}

is($m->{'directstream_streams{state="stalled"}'}, 0, 'none is stalled');
is(value($m, 'stream_running', 'live'), 1, 'wanted');
is(value($m, 'stream_running', 'off'), 0, 'not wanted');
is(value($m, 'stream_owned', 'live'), 1, 'owned');
is(value($m, 'stream_owned', 'done'), 0, 'owned no more');
is(value($m, 'output_connected', 'live'), 1, 'connected');
is(value($m, 'output_connected', 'done'), 0, 'connected no more');
is(value($m, 'playlist_items', 'done'), 3, 'items');
is(value($m, 'items_played_total', 'done'), 2, 'played');
is(value($m, 'items_failed_total', 'done', 'code="source_not_found"'), 1,
   'failed, with its code');
is(value($m, 'items_failed_total', 'bad', 'code="source_forbidden"'), 1,
   'the other one, too');
cmp_ok(value($m, 'faults_total', 'done', 'code="source_not_found"'), '>=', 1,
       'a fault was seen');
is(scalar(grep { /code=/ && $m->{$_} == 0 } keys %$m), 0,
   'codes without a count are not shown');
cmp_ok(value($m, 'resolves_total', 'done'), '>=', 3, 'resolver calls');
cmp_ok(value($m, 'resolve_seconds_total', 'done'), '>', 0, 'their time');
is(value($m, 'resolves_total', 'live'), 0, 'none for a plain list');
is(value($m, 'push_connected', 'live'), undef, 'the engine pushes nothing');

my $length = -s DirectStream::Media::path('a.mp4');
cmp_ok(value($m, 'received_bytes_total', 'done'), '>=', $length,
       'bytes were received');

# the API says the same

my $done = $t->status('done')->{status};

is(value($m, 'items_played_total', 'done'), $done->{playlist}{played},
   'played, as the API has it');
is(value($m, 'items_skipped_total', 'done'), $done->{playlist}{skipped},
   'skipped');
is(value($m, 'sent_bytes_total', 'done'), $done->{output}{bytes}, 'bytes');
is(value($m, 'output_reconnects_total', 'done'),
   $done->{output}{reconnects}, 'reconnects');
cmp_ok(abs(value($m, 'dead_air_seconds_total', 'done') * 1000
           - $done->{dead_air_ms}), '<', 1, 'dead air');

# the far end counts payload too, and may have missed what came before it

my $flow = $t->watched($w);
my $sent = value($m, 'sent_bytes_total', 'done');
diag(sprintf 'sent %d, seen %d at the far end', $sent, $flow->bytes);
cmp_ok($flow->bytes, '<=', $sent * 1.01, 'the far end saw what was sent');
cmp_ok($flow->bytes, '>=', $sent * 0.9, 'nearly all of it');

my $wait = $flow->largest_gap / 1000;
cmp_ok(value($m, 'dead_air_seconds_total', 'done'), '<=', $wait + 0.5,
       'no more dead air than the far end saw');

# dead air is what the far end sees of the slate

my $slow = $t->stub_list('PLslate', latency => 1, entries => [
    $t->stub_entry('slateitem001', 'a.mp4') ]);

$w = $t->watch('slate');
$t->wait_for(sub { $t->log_of('far') =~ /play: name='slate'/ }, 5);
$t->create('slate', $slow, loop => JSON::PP::false);

ok($t->wait_for(sub { value(scrape(), 'slate_on_air', 'slate') }, 10),
   'the slate is on air');
ok($t->wait_for(sub { !value(scrape(), 'slate_on_air', 'slate') }, 10),
   'and not any more');
ok($t->wait_state('slate', 'finished', 20), 'finished');

my $dead = value(scrape(), 'dead_air_seconds_total', 'slate');
$flow = $t->watched($w);

my ($slate) = $flow->of_picture('1280x720');
my ($item) = $flow->of_picture('320x180');
my $dark = $slate && $item ? ($item->{at} - $slate->{at}) / 1000 : -1;
diag("dead air $dead s, seen $dark s");
cmp_ok(abs($dead - $dark), '<', 0.7, 'dead air is what the far end saw');
$t->api('DELETE', 'api/1/streams/slate');

# another run adds to the counters

monotonic($m, 'after the end');
my $before = value($m, 'items_played_total', 'done');

is(scalar $t->api('POST', 'api/1/streams/done/start'), 202, 'start');
ok($t->wait_for(sub { $t->state('done') ne 'finished' }, 5), 'it runs');
monotonic(scrape(), 'a new run');
ok($t->wait_state('done', 'finished', 30), 'finished again');
$m = scrape();
monotonic($m, 'a run more');
is(value($m, 'items_played_total', 'done'), 2 * $before, 'two runs, added up');
is($t->field('done', 'playlist', 'played'), $before,
   'the status is of one run');

# what clients accept

my @accept = (
    [ $openmetrics, 1 ],
    [ "$openmetrics; version=1.0.0", 1 ],
    [ "$openmetrics;version=1.0.0,$openmetrics;version=0.0.1;q=0.75,"
      . 'text/plain;version=0.0.4;q=0.5,*/*;q=0.1', 1 ],
    [ "$openmetrics;q=0.5, text/plain;q=0.5", 1 ],
    [ "$openmetrics;q=0.4, text/plain;q=0.5", 0 ],
    [ "$openmetrics;q=0", 0 ],
    [ "text/plain, $openmetrics;q=0.999", 0 ],
    [ 'text/plain', 0 ],
    [ '*/*', 0 ],
    [ '', 0 ],
    [ ",;q=,;;, $openmetrics;q", 1 ],
    [ ";$openmetrics", 0 ],
    [ "${openmetrics}x", 0 ],
    [ "$openmetrics;version=1.0.0;q=0.", 0 ],
);

for my $a (@accept) {
    my $type = get('GET', Accept => $a->[0])->{headers}{'content-type'};

    is($type, $a->[1] ? "$openmetrics; version=1.0.0; charset=utf-8"
                      : 'text/plain; version=0.0.4; charset=utf-8',
       "Accept: $a->[0]");
}

my $om = get('GET', Accept => $openmetrics)->{content};

like($om, qr/\n# EOF\n\z/, 'OpenMetrics has an end');
unlike($om, qr/^# TYPE \S+_total /m, 'and families without a suffix');
like($om, qr/^# TYPE directstream_items_played counter\n
             directstream_items_played_total\{/mx, 'their lines have one');
is(scalar keys %{ samples($om) }, scalar keys %{ scrape() },
   'the same lines');

# methods

$r = get('HEAD');
is($r->{status}, 200, 'HEAD');
is($r->{content} || '', '', 'without a body');
is($r->{headers}{'content-type'},
   'text/plain; version=0.0.4; charset=utf-8', 'its type');
cmp_ok($r->{headers}{'content-length'}, '>', 1000, 'and length');

for my $method (qw(POST PUT DELETE)) {
    $r = get($method);
    is($r->{status}, 405, "$method: 405");
    is($r->{headers}{allow}, 'GET, HEAD', "$method: Allow");
}

# a relay worker that does not answer; no other can come

my $relay = $t->relay_pid;
kill 'STOP', $relay;

ok($t->wait_for(sub { value(scrape(), 'relay_up') == 0 }, 10),
   'relay_up is 0');
$m = scrape();
is(value($m, 'stream_owned', 'live'), 0, 'nobody runs the stream');
is(value($m, 'output_connected', 'live'), 0, 'or is connected');
is(value($m, 'buffer_seconds', 'live'), '0.000', 'or has media');
monotonic($m, 'a relay worker that hangs');

kill 'CONT', $relay;
ok($t->wait_for(sub { value(scrape(), 'relay_up') == 1 }, 10),
   'relay_up is 1 again');
is(value(scrape(), 'relay_restarts_total'), 0, 'it is the same');

# killed

$t->allow(qr/worker process $relay exited on signal 9/);
kill 'KILL', $relay;

ok($t->wait_for(sub { value(scrape(), 'relay_restarts_total') == 1 }, 10),
   'a restart is counted');
ok($t->wait_state('live', 'live', 10), 'on air again');
$m = scrape();
is(value($m, 'relay_up'), 1, 'up');
monotonic($m, 'after a death');

# a reload is no death

$t->signal('HUP');
ok($t->wait_for(sub {
    my ($s, $data) = $t->api('GET', 'api/1/streams');
    return $data && $data->{relay}{generation} == 2;
}, 10), 'a reload');
$m = scrape();
is(value($m, 'relay_restarts_total'), 1, 'no restart');
is(value($m, 'stream_owned', 'live'), 1, 'the old relay worker runs it');
monotonic($m, 'a reload');

$t->finish;
