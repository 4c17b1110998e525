#!/usr/bin/perl

# kill -9 of the relay worker and of other workers while a client queues,
# moves and removes: no entry that was accepted is lost, none is played twice,
# none that was removed is played.  SOAK_KILLS sets how many kills;
# SOAK_SEED repeats a run.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $kills = $ENV{SOAK_KILLS} || 6;
my $seed = $ENV{SOAK_SEED} || $$;

diag("$kills kills, seed $seed");
srand $seed;

my $t = DirectStream::Test->new;
my $dir = $t->dir;

mkdir "$dir/logs";
chmod 0777, "$dir/logs";

my $list = $t->plain_list('list', map { "mid.mp4?$_" } 0 .. 2);

$t->near(directstream => "directstream_log $dir/logs/asrun.log json;"
                         . "stream s { playlist $list; }");
$t->allow(qr/exited on signal 9|was locked by/);
$t->allow(qr/open socket #\d+ left in connection/);

ok($t->wait_state('s', 'live'), 'live');

my (%wanted, %removed, %logged, @ids);
my $n = 0;


# until it is answered: the key makes that safe
sub send_one {
    my ($method, $path, $body, %args) = @_;

    for (1 .. 200) {
        my ($status, $data) = $t->api($method, $path, $body, %args);
        return ($status, $data) if $status < 500;
        Time::HiRes::sleep(0.02);
    }

    return 0;
}


sub act {
    my $at = 'api/1/streams/s/queue';
    my $what = rand;

    if ($what < 0.7 || !@ids) {
        my $title = 'entry' . ++$n;
        my ($status, $data) = send_one('POST', $at, {
            url => $t->media_url('a.mp4'), title => $title, until => 0.4,
            at => (qw(end end next now))[int rand 4],
        }, headers => { 'Idempotency-Key' => "key$n" });

        fail("$title: $status $data->{code}") if $status != 202;
        $wanted{$title} = $data->{id} // '';
        push @ids, [ $title, $data->{id} ];
        shift @ids if @ids > 40;

    } elsif ($what < 0.85) {
        my ($title, $id) = @{ splice @ids, int rand @ids, 1 };
        my ($status) = send_one('DELETE', "$at/$id");

        # it may have been done without an answer, or be over
        $removed{$title} = 1 if $status == 204;
        $removed{$title} ||= 2 if $status == 404;
        $logged{$title} = -s "$dir/near/error.log";

    } else {
        my $id = $ids[rand @ids][1];
        send_one('PATCH', "$at/$id", { before => undef });
    }

    return;
}


for my $k (1 .. $kills) {
    act() for 1 .. 4;

    my @pids = $k % 3 ? ($t->field('s', 'owner_pid') || ())
                      : (grep { $_ } $t->worker_pids);

    Time::HiRes::sleep(rand 0.5);
    kill 'KILL', $pids[rand @pids] if @pids;
    act();

    if ($k % 3 == 0) {
        $t->signal('HUP');
    }

    $t->wait_for(sub { $t->state('s') eq 'live' }, 20);

    # not more than may wait, and so that the end is soon
    $t->wait_for(sub { ($t->field('s', 'queue', 'length') || 0) < 60 }, 60);
}

act() for 1 .. 3;

ok($t->wait_for(sub {
    my ($status, $data) = $t->api('GET', 'api/1/streams/s/queue');
    return $status == 200 && !grep { $_->{kind} eq 'url' }
                              @{ $data->{entries} };
}, 90), 'all of it is played');

# As-run log and error log together: the former is written when the store has
# what became of an entry, and a kill between the two costs its line; then it
# was on air, in a process that was killed.  And a kill between its last frame
# and the store has it on air again, of which the as-run log has one line.

my (%over, %again, %late, %begun);


sub read_logs {
    my (%name, %last, %killed);
    my $at = 0;

    $name{ $wanted{$_} } = $_ for keys %wanted;
    %over = %again = %late = %begun = ();

    for (map { JSON::PP::decode_json($_) }
         split /\n/, $t->read_file('logs/asrun.log')) {
        $over{$_->{title}}++
            if $_->{queue_id}
               && ($_->{outcome} eq 'played'
                   || $_->{reason} eq
                      'interrupted by what was queued or scheduled');
    }

    for (split /^/, $t->log_of('near')) {
        $at += length;

        if (/\[notice\] (\d+)#.* queued item (\w+) on air/ && $name{$2}) {
            my ($pid, $title) = ($1, $name{$2});
            $late{$title} = 1 if $at > ($logged{$title} // $at);
            $again{$title} = 1 if ($last{$title} // '') eq 'over';
            $begun{$title} = $pid;
            $last{$title} = 'on air';

        } elsif (/ queued item (\w+) is over, played/ && $name{$1}) {
            $last{ $name{$1} } = 'over';

        } elsif (/process (\d+) exited on signal 9/) {
            $killed{$1} = 1;
        }
    }

    return grep { !$over{$_} && !$removed{$_}
                  && !($begun{$_} && $killed{ $begun{$_} }) }
           sort keys %wanted;
}


my @lost;

ok($t->wait_for(sub { !(@lost = read_logs()) }, 5), 'no entry is lost')
    or diag("lost: @lost");

is(join(' ', grep { $over{$_} > 1 } sort keys %over), '',
   'none is played twice');
is(join(' ', grep { ($removed{$_} || 0) == 1 } sort keys %late), '',
   'none begins that was removed');

diag(scalar(keys %wanted) . ' entries, ' . scalar(keys %removed)
     . ' removed, ' . scalar(keys %over) . ' played, '
     . (grep { !$over{$_} && !$removed{$_} } keys %wanted)
     . ' of them before a kill, again after one: ' . keys %again);

is($t->field('s', 'queue', 'length'), scalar(grep { $_->{kind} ne 'url' }
   @{ ($t->api('GET', 'api/1/streams/s/queue'))[1]{entries} }),
   'and the length is right');

$t->finish;
