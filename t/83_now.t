#!/usr/bin/perl

# What is asked for now is on air at once, whatever is on air or prepared: by
# what the engine recorded and by what came at the far end, within a second
# and a group of pictures, and what the resolver takes; no slate, no gap.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;

use List::Util qw(max sum);


# s: one, and one group of pictures
my $limit = 3;

my $t = DirectStream::Test->new;
my $dir = $t->dir;
my $strict = JSON::PP->new->utf8;

$t->far;

mkdir "$dir/logs";
chmod 0777, "$dir/logs";

$t->near(directstream => "directstream_log $dir/logs/asrun.log json;");


sub listed {
    my ($name, @files) = @_;
    my $n = 0;

    return $t->plain_list($name, map {
        my $id = $name . ++$n;
        { url => $t->media_url($_, "n=$id"), id => $id, title => $id }
    } @files);
}


sub item {
    my ($name) = @_;
    return $t->field($name, 'item') || {};
}


# it is that far in it
sub at {
    my ($seconds, $id) = @_;

    return sub {
        my $i = item($_[0]);
        return ($i->{position} // 0) >= $seconds
               && (!$id || ($i->{id} // '') eq $id);
    };
}


sub ready {
    my ($seconds) = @_;

    return sub {
        my $s = $t->status($_[0])->{status};
        return $s->{next}{ready} && ($s->{item}{position} // 0) >= $seconds;
    };
}


# posts what is to be on air now, again where a worker has just ended
sub now {
    my ($name, $body, $to) = @_;
    my $status;

    $t->wait_for(sub {
        $status = $t->api('POST', "api/1/streams/$name/" . ($to || 'queue'),
                          { %$body, at => 'now' },
                          $to ? () : (headers =>
                          { 'Idempotency-Key' => "$name now" }));
        return $status && $status < 500;
    }, 5);

    is($status, 202, "$name: now");

    return;
}


# the first that waits
sub remove {
    my ($name) = @_;
    my $at = "api/1/streams/$name/queue";
    my (undef, $q) = $t->api('GET', $at);
    my ($e) = grep { $_->{state} eq 'waiting' } @{ $q->{entries} };

    is(scalar $t->api('DELETE', "$at/$e->{id}"), 204,
       "$name: what is prepared");

    return;
}


my $clip = { url => $t->media_url('a.mp4', 'n=now'), title => 'now' };

my $calls = $t->stub_list('PLnow', entries => [
    map { $t->stub_entry("nowitem0000$_", $_ == 2 ? 'a.mp4' : 'long.mp4',
                         duration => $_ == 2 ? 2 : 60,
                         latency => $_ == 2 ? 1 : 0) } 1 .. 3
]);

# what takes 3 s to resolve
my $slow = $t->stub_list('PLslow', entries => [
    map { $t->stub_entry("slowitem00$_", 'a.mp4', latency => 3) } 1 .. 3
]);

my $other = listed('other', 'mid.mp4', 'a.mp4');

# name, list, def(inition), when, what is asked for, and what comes first and
# afterwards; what the resolver takes, whether a slate is on or a new run begins
my @cases = (
    { name => 'prepared', list => listed('prepared', 'mid.mp4', 'a.mp4'),
      when => ready(1), play => { id => 'prepared2' }, title => 'prepared2' },
    { name => 'queued', list => listed('queued', 'mid.mp4', 'b.mp4'),
      when => ready(1) },
    { name => 'resolver', list => $calls, when => at(1), takes => 1,
      play => { id => 'nowitem00002' }, title => 'Title of nowitem00002' },
    { name => 'slate', list => $t->plain_list('slate', $t->media_url(
      'mid.mp4', 'hang=1'), $t->media_url('long.mp4', 'hang=1')),
      slate => 1, when => sub {
          return ($t->field($_[0], 'dead_air_ms') || 0) > 500;
      } },
    { name => 'end', list => listed('end', 'mid.mp4', 'b.mp4'),
      when => at(7.2, 'end1') },
    { name => 'pass', list => listed('pass', 'b.mp4', 'mid.mp4'),
      when => at(1, 'pass2') },
    { name => 'passgo', list => listed('passgo', 'a.mp4', 'mid.mp4'),
      when => at(1, 'passgo2'), play => { id => 'passgo1' },
      title => 'passgo1' },
    { name => 'once', list => listed('once', 'mid.mp4'),
      def => { loop => JSON::PP::false }, when => at(2) },
    { name => 'oncego', list => listed('oncego', 'a.mp4', 'mid.mp4'),
      def => { loop => JSON::PP::false }, when => at(1, 'oncego2'),
      play => { id => 'oncego1' }, title => 'oncego1' },
    { name => 'encoded', list => listed('encoded', 'long.mp4', 'long.mp4'),
      def => { video => 'encode', video_size => '160x90', video_rate => 25,
               video_bitrate => 200000 }, when => at(2), encoded => 1 },
    { name => 'reload', list => listed('reload', 'mid.mp4', 'b.mp4'),
      when => at(2), then => sub { $t->signal('HUP') } },
    { name => 'patch', list => listed('patch', 'long.mp4'), when => at(1),
      first => sub {
          is(scalar $t->api('PATCH', 'api/1/streams/patch',
                            { playlist => $other }), 200,
             'patch: another list');
      }, restarts => 1 },
    { name => 'removed', list => $slow, queue => [ 'one', 'two' ],
      when => sub { at(6.2)->('removed') && item('removed')->{title} eq 'one' },
      ask => \&remove, title => 'Title of slowitem001' , takes => 3 },
);

my %w;

for my $c (@cases) {
    $w{ $c->{name} } = $t->watch($c->{name});
    is(($t->create($c->{name}, $c->{list}, start => JSON::PP::false,
                   %{ $c->{def} || {} }))[0], 201, "$c->{name}: a stream");

    for my $title (@{ $c->{queue} || [] }) {
        is(scalar $t->api('POST', "api/1/streams/$c->{name}/queue",
                          { url => $t->media_url('mid.mp4'),
                            title => $title }), 202, "$c->{name}: $title");
    }

    $t->api('POST', "api/1/streams/$c->{name}/start");
}

my @open = @cases;

ok($t->wait_for(sub {
    my @later;

    for my $c (@open) {
        if (!$c->{when}->($c->{name})) {
            push @later, $c;
            next;
        }

        $c->{first}->() if $c->{first};
        $c->{at} = Time::HiRes::time();
        $c->{mono} = $t->now;

        $c->{ask} ? $c->{ask}->($c->{name})
                  : now($c->{name}, $c->{play} || $clip,
                        $c->{play} ? 'play' : undef);

        $c->{then}->() if $c->{then};
    }

    @open = @later;
    return !@open;
}, 40), 'each has been asked for') or diag(join ' ', map { $_->{name} } @open);


sub seconds {
    my ($date, $fraction) = $_[0] =~ /^(.{19})(\.\d+)Z$/ or return 0;
    my ($y, $m, $d, $H, $M, $S) = split /\D/, $date;

    require Time::Local;
    return Time::Local::timegm($S, $M, $H, $d, $m - 1, $y) + $fraction;
}


sub as_run {
    my ($name) = @_;

    return grep { $_->{stream} eq $name } map { $strict->decode($_) }
           split /\n/, $t->read_file('logs/asrun.log');
}


# what was asked for, when it is over
sub aired {
    my ($c) = @_;

    my $title = $c->{title} || 'now';

    return grep { $_->{title} eq $title
                  && seconds($_->{started}) >= $c->{at} - 0.05 }
           as_run($c->{name});
}


ok($t->wait_for(sub { !grep { !aired($_) } @cases }, 15), 'each was on air')
    or diag(join ' ', map { $_->{name} } grep { !aired($_) } @cases);

# the first packet of a copied clip tells of it

my ($probed, $size) = $t->command(qw(ffprobe -v error -select_streams v
    -show_entries packet=size -of csv=p=0), "$dir/www/a.mp4");
($size) = $size =~ /^(\d+)/;

for my $c (@cases) {
    my ($name, $most) = ($c->{name}, $limit + ($c->{takes} || 0));
    my ($run) = aired($c) or next;
    my $after = sprintf '%.2f', seconds($run->{started}) - $c->{at};
    my @since = grep { seconds($_->{ended}) >= $c->{at} } as_run($name);

    is($run->{outcome}, 'played', "$name: played");
    cmp_ok($after, '<=', $most, "$name: on air after $after s");
    is(sum(map { $_->{slate} } @since), 0, "$name: no slate")
        unless $c->{slate} || $c->{restarts};

    my $flow = $t->watched($w{$name});

    if (!$c->{encoded} && !$c->{ask}) {
        my ($key) = grep { $_->{key} && $_->{size} == $size
                           && $_->{at} >= $c->{mono} } $flow->packets('V');
        my $came = $key ? ($key->{at} - $c->{mono}) / 1000 : 99;

        cmp_ok($came, '<=', $most, sprintf '%s: at the far end after %.2f s',
               $name, $came);
    }

    next if $c->{restarts};

    is(join("\n", $flow->backward), '', "$name: no backward time stamp");
    is(join("\n", map { $flow->steps_over($_, 200) } 'V', 'A'), '',
       "$name: no gap");
    is($t->field($name, 'output', 'reconnects'), 0, "$name: one session");
}

ok($t->wait_for(sub {
    return join(' ', map { "$_->{title}:$_->{outcome}" } as_run('once'))
           =~ /^once1:skipped now:played once1:played$/;
}, 10), 'once: and the rest of what was on air')
    or diag(explain(map { "$_->{title}:$_->{outcome}" } as_run('once')));


# over a kill: on air at once when it goes on, and once

$t->api('DELETE', "api/1/streams/$_->{name}") for @cases;

my $list = listed('kill', 'long.mp4', 'long.mp4');

is(($t->create('kill', $list))[0], 201, 'kill: a stream');
$t->wait_for(sub { at(2)->('kill') }, 15);
$t->allow(qr/exited on signal 9|was locked by/);

my $pid = $t->field('kill', 'owner_pid');

now('kill', { %$clip, title => 'kill now' });
kill 'KILL', $pid;

my $up;

ok($t->wait_for(sub {
    my $new = $t->field('kill', 'owner_pid') || $pid;

    $up ||= Time::HiRes::time() if $new != $pid;
    return grep { $_->{title} eq 'kill now' && $_->{outcome} eq 'played' }
           as_run('kill');
}, 20), 'kill: on air');

my ($run) = grep { $_->{title} eq 'kill now' && $_->{outcome} eq 'played' }
            as_run('kill');
my $late = sprintf '%.2f', seconds($run->{started}) - $up;

cmp_ok($late, '<=', $limit, "kill: $late s after the new process");
is(scalar(grep { $_->{title} eq 'kill now' } as_run('kill')), 1, 'kill: once');

$t->finish;
