#!/usr/bin/perl

# What is to come is looked at ahead of its turn, within a budget; a bad item
# costs nothing on air.  A resolver that breaks is found by the canary, and a
# second one takes its place.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;

use DirectStream::Browser;
use DirectStream::Events;


my $t = DirectStream::Test->new;
my $off = JSON::PP::false;

# what is refused, and what nginx -t says of it

for my $b ([ 'preflight 0;', qr/from 1 to 100, or "off"/ ],
           [ 'preflight 5 budget=60;', qr/"budget=number\/h"/ ],
           [ 'preflight 5 budget=0/h;', qr/"budget=number\/h"/ ],
           [ 'preflight off; preflight 3;', qr/duplicate/ ],
           [ 'resolver_canary PLx;', qr/http or https one of an item/ ],
           [ 'resolver_canary http://127.0.0.1/x each=1h;', qr/"every=time"/ ],
           [ 'resolver_canary http://127.0.0.1/x every=1ms;', qr/from 1s/ ],
           [ 'resolve_env 1A=2;', qr/"NAME=value"/ ],
           [ 'resolve_env A-B;', qr/"NAME=value"/ ],
           [ 'resolve_path bin;', qr/must be an absolute/ ],
           [ 'resolve_path /a:/b;', qr/without ":"/ ],
           [ 'resolve_command /bin/true; resolve_command /bin/true;'
             . ' resolve_command /bin/true;', qr/there twice already/ ])
{
    my $file = $t->near_write(directstream => $b->[0])->{conf};
    my ($rc, $said) = $t->nginx_t($file);

    isnt($rc, 0, "refused: $b->[0]");
    like($said, $b->[1], 'with what is accepted');
}


# a resolver that is broken when there is a file of that name
my $stub = $t->stub_command;
my $flag = $t->dir . '/broken';
my $first = $t->dir . '/yt-dlp-first';

$t->write_file('yt-dlp-first', <<"END");
#!/bin/sh
test -e $flag && { echo 'Traceback: it is broken' >&2; exit 1; }
test "\$DS_OWN \$PATH" = "yes /opt/bin:/usr/bin:/bin" || exit 3
exec $stub "\$@"
END
chmod 0755, $first;

$t->media;
$t->far;

my $canary = $t->stub_list('PLcanary', entries => [
    $t->stub_entry('canaryxxxx1', 'mid.mp4') ]);

$t->near(resolve_command => $first, directstream => <<"END",
    resolve_command $stub;
    resolve_env     DS_OWN=yes;
    resolve_path    /opt/bin;
    resolver_canary https://www.youtube.com/watch?v=canaryxxxx1 every=1s;
    preflight       3 budget=12/h;
    source_timeout  2s;
END
         http => 'location /metrics { directstream_metrics; }');


sub metric {
    my ($name) = @_;

    my $r = $t->{http}->request('GET', $t->base . '/metrics');
    my ($value) = $r->{content} =~ /^directstream_$name (\d+)/m;
    return $value;
}


sub verdicts {
    my ($name) = @_;

    return join ' ', map { $_->{preflight}{verdict} || '-' } $t->items($name);
}


ok($t->wait_for(sub { (metric('resolver_canary_up') // 2) == 1 }, 15),
   'the canary is well');
is(metric('resolver_fallback'), 0, 'the first resolver is used');

my $events = DirectStream::Events->new($t);
my $browser = DirectStream::Browser->missing
              ? undef : DirectStream::Browser->new($t);

SKIP: {
    skip 'there is no browser', 1 unless $browser;
    $browser->open($t->base . '/directstream/');
    ok($browser->wait_text('#canary', qr/^canary ok$/), 'the page has a light');
}

# the event of a resolver that says so
sub told {
    my ($said) = @_;

    return $events->wait_event('log', sub {
        $_->{type} eq 'resolver' && $_->{message} =~ $said;
    }, 15);
}

# what becomes bad while others play, and good again

$t->create('ahead', $t->plain_list('ahead', qw(a.mp4 b.mp4 gone.mp4 c.mp4)));
ok($t->wait_for(sub { verdicts('ahead') =~ /bad/ }, 20), 'a bad one is known');

my ($item) = grep { ($_->{preflight}{verdict} || '') eq 'bad' }
             $t->items('ahead');
is($item->{index}, 2, 'that one');
is($item->{preflight}{code}, 'source_not_found', 'why');
like($item->{preflight}{checked_at}, qr/^\d{4}-.*Z$/, 'when');

my $before = $t->field('ahead', 'dead_air_ms');
my $n = $t->field('ahead', 'playlist', 'played');
ok($t->wait_for(sub { $t->field('ahead', 'playlist', 'played') > $n + 4 }, 20),
   'it goes on');
is($t->field('ahead', 'dead_air_ms'), $before, 'without a moment of slate');

symlink 'a.mp4', $t->dir . '/www/gone.mp4';
ok($t->wait_for(sub { ($t->items('ahead'))[2]{state} =~ /playing|played/ },
                30), 'what is there again is played again');
$t->api('DELETE', 'api/1/streams/ahead');

# no more calls than the budget has

$t->create('many', $t->stub_list('PLmany', entries => [ map {
    $t->stub_entry(sprintf('many%07d', $_), 'long.mp4') } 1 .. 40 ]));
ok($t->wait_state('many', 'live', 10), 'many: on air');
$t->wait_for(sub { verdicts('many') =~ /ok/ }, 5);
select undef, undef, undef, 1.5;

my @calls = grep { $_->{url} =~ /many0/ } $t->stub_calls('item');
cmp_ok(scalar @calls, '<=', 3 + 3, 'looks within the budget')
    or diag(scalar @calls);
$t->api('DELETE', 'api/1/streams/many');

# the resolver breaks

$t->create('broken', $t->stub_list('PLbroken', entries => [ map {
    $t->stub_entry(sprintf('broken%05d', $_), 'a.mp4') } 1 .. 4 ]));
ok($t->wait_for(sub { $t->field('broken', 'playlist', 'played') >= 1 }, 15),
   'broken: on air');
$before = $t->field('broken', 'dead_air_ms');
$t->write_file('broken', '');

ok($t->wait_for(sub { metric('resolver_fallback') == 1 }, 15),
   'the second resolver is used');
$t->like_log(qr/resolver is broken, the second one is used: resolver_failed/,
             'which is said');

my (undef, $list) = $t->api('GET', 'api/1/streams');
ok($list->{resolver}{fallback}, 'by the API as well');
is($list->{resolver}{error}{code}, 'resolver_failed', 'and why');

my $event = told(qr/second one is used/);
is($event->{code}, 'resolver_failed', 'an event, and why');
is($event->{stream}, '', 'of no stream');

$n = $t->field('broken', 'playlist', 'played');
ok($t->wait_for(sub { $t->field('broken', 'playlist', 'played') > $n + 3 },
                20), 'and the stream goes on');
is($t->field('broken', 'dead_air_ms'), $before, 'without a slate');
$t->api('DELETE', 'api/1/streams/broken');

# both are broken: the canary tells

rename $t->dir . "/yt-dlp-stub", $t->dir . "/away";
ok($t->wait_for(sub { metric('resolver_canary_up') == 0 }, 20),
   'the canary has failed');
(undef, $list) = $t->api('GET', 'api/1/streams');
like($list->{resolver}{canary}{error}{code}, qr/^resolver_/, 'its code');
$t->like_log(qr/resolver canary failed: resolver_/, 'a line in the log');

$event = told(qr/^the canary fails: /);
like($event->{code}, qr/^resolver_/, 'an event, and why');

SKIP: {
    skip 'there is no browser', 1 unless $browser;
    ok($browser->wait_text('#canary', qr/^canary fails$/), 'so the light');
    $browser->quit;
}

# and again well

rename $t->dir . '/away', $t->dir . '/yt-dlp-stub';
unlink $flag;

ok(told(qr/^the canary works again$/), 'an event of what works again');

$t->finish;
