#!/usr/bin/perl

# A reload with another zone, another state_path, another build of the module:
# the streams are handed over, one publisher at a time, and the next reload is
# one as any other.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
$t->far;

my $url = $t->plain_list('over', 'long.mp4');
my $push = 'push ' . $t->push_url('up');
my $limit = 3000 * ($ENV{DS_SLOW} || 1);

# a zone of this other build cannot be read by the one under test
my $other = $t->dir . '/stub/other_build.so';
my $image = $t->read_file($DirectStream::Test::MODULE);
my $magic = reverse 'dirstrm1';
ok($image =~ s/\Q$magic\E/2mrtsrid/g, 'another build');

$t->near(http => 'location = /metrics { directstream_metrics; }',
         directstream => "stream up { playlist $url; $push; }");
my $good = $t->read_file('near/nginx.conf');
$t->write_file($other, $image);

my $w = $t->watch('up');
ok($t->wait_packet($w), 'on air');

$t->create('api', $url, push => undef);
ok($t->wait_state('api', 'live'), 'one of the API, too');
$t->create('off', $url, start => JSON::PP::false);

sub reload {
    my ($what, $conf, $moves) = @_;

    my $from = $t->now;
    my $owner = $t->field('up', 'owner_pid');
    my %before = map { $_ => 1 } $t->relay_pids;

    $t->write_file('near/nginx.conf', $conf);
    $t->signal('HUP');
    ok($t->wait_for(sub { grep { !$before{$_} } $t->relay_pids }, 10),
       "$what: a new relay worker");

    if (!$moves) {
        $t->wait_for(sub {
            my ($status, $data) = $t->api('GET', 'api/1/streams');
            return !$before{ $data->{relay}{pid} || 0 };
        }, 10, 'the new relay worker');
        is($t->field('up', 'owner_pid'), $owner, "$what: nothing moves");
        return;
    }

    ok($t->wait_for(sub {
        return ($t->field('up', 'owner_pid') || $owner) != $owner
               && $t->state('up') eq 'live';
    }, 10), "$what: another owner");
    ok($t->wait_for(sub { (my @p = $t->relay_pids) == 1 }, 10),
       "$what: the old one leaves");

    my $flow = $t->wait_flow($w, sub { $_->last('V')->{at} > $t->now - 500
                                       && $t->now > $from + 2000 }, 15);
    my ($gap, $last) = (0, $from);

    for my $p (grep { $_->{track} eq 'V' && $_->{at} > $from }
               $flow->packets)
    {
        $gap = $p->{at} - $last if $p->{at} - $last > $gap;
        $last = $p->{at};
    }

    cmp_ok($gap, '<=', $limit, "$what: off air for at most $limit ms");
    diag("$what: $gap ms");
    return;
}

sub same {
    my ($what) = @_;

    is($t->state('api'), 'live', "$what: the API's is on air")
        if $t->wait_state('api', 'live');
    is($t->state('off'), 'stopped', "$what: what is stopped stays so");
    return;
}

(my $larger = $good) =~ s/directstream:8m/directstream:9m/;
reload('a larger zone', $larger, 1);
same('a larger zone');
reload('the same again', $larger, 0);

(my $named = $good) =~ s/directstream:8m/other:8m/;
reload('another name', $named, 1);
same('another name');

(my $build = $good) =~ s/\Q$DirectStream::Test::MODULE\E/$other/;
reload('another build', $build, 1);
same('another build');
reload('the same again', $build, 0);
reload('back', $good, 1);
same('back');

# what the API has made is in the other directory

(my $moved = $good) =~ s{/state;}{/state2;};
reload('another state_path', $moved, 1);
is(scalar $t->api('GET', 'api/1/streams/api'), 404, 'the API made none here');
reload('the same again', $moved, 0);
reload('the first state_path', $good, 1);
same('the first state_path');

# settings of the engine: what runs goes on without them, and says so

sub old {
    return grep { $t->field($_, 'outdated') } qw(up api);
}

is(join(' ', old()), '', 'nothing is outdated');
is(($t->api('POST', 'api/1/restart'))[1]{restarting}, 0, 'none to restart');

(my $denied = $good) =~ s/(state_path)/deny_source 10.0.0.0\/8; $1/;
reload('other settings', $denied, 0);
is(join(' ', old()), 'up api', 'both are outdated');
like($t->{http}->get($t->base . '/metrics')->{content},
     qr/^directstream_stream_outdated\{stream="up"\} 1$/m, 'in the metrics');

my %owner = map { $_ => $t->field($_, 'owner_pid') } qw(up api);

is(($t->api('POST', 'api/1/restart'))[1]{restarting}, 2, 'restart');
ok($t->wait_for(sub {
    !old() && !grep { $t->field($_, 'owner_pid') == $owner{$_}
                      || $t->state($_) ne 'live' } keys %owner }, 15),
   'both are up to date, and live again');
ok($t->wait_for(sub { (my @p = $t->relay_pids) == 1 }, 10),
   'the old relay worker leaves');

my $items = () = $t->log_of =~ /"(?:up|api)": item \d+ on air/g;
is(($t->api('POST', 'api/1/restart', { all => JSON::PP::true }))[1]
   {restarting}, 2, 'restart all');
ok($t->wait_for(sub {
    my $n = () = $t->log_of =~ /"(?:up|api)": item \d+ on air/g;
    return $n >= $items + 2 }, 15), 'both are on air once more');

# nginx-rtmp is not told to push

(my $deaf = $good) =~ s/on_publish http[^;]+;//;
reload('no on_publish', $deaf, 0);
is(scalar $t->api('POST', 'api/1/streams/up/restart'), 202, 'restart');
ok($t->wait_error('up', 'push_hook_missing', 15), 'an error says so');
my @said = $t->log_of =~ /(\[warn\].*"up": nothing is pushed)/g;
is(scalar @said, 1, 'and the log, once');
is($t->state('up'), 'live', 'it is live');
is($t->field('api', 'error'), undef, 'of one without a push nothing is said');

reload('on_publish', $good, 0);
$t->api('POST', 'api/1/streams/up/restart');
ok($t->wait_for(sub { $t->state('up') eq 'live'
                      && !$t->field('up', 'error') }, 15), 'over');

unlike($t->log_of, qr/refused, it is not the relay|cannot be respawned/,
       'one publisher at a time');

$t->finish;
