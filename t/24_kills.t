#!/usr/bin/perl

# kill -9 of the relay worker, of any worker, of the master, of everything,
# and reloads, at random, while a client creates, changes, deletes and controls
# streams.  Afterwards every answered write is there, no unanswered one by
# halves, each running stream has one publisher, no process and no shared
# memory is left.  SOAK_KILLS sets how many; SOAK_SEED repeats a run.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $kills = $ENV{SOAK_KILLS} || 15;
my $seed = $ENV{SOAK_SEED} || $$;

diag("$kills kills, seed $seed");

my $t = DirectStream::Test->new;

my @lists = map { $t->plain_list("kills$_", "long.mp4?$_", 'two.mp4') } 0 .. 2;
my @names = map { "s$_" } 0 .. 7;

$t->near(directstream => "stream fixed { playlist $lists[0]; }");
$t->allow(qr/exited on signal 9|was locked by/);
$t->allow(qr/open socket #\d+ left in connection/);


# What a stream may be after "op": undef when there is none, else its list,
# and its wish.  An op that is not accepted in a state is undef in [1].

sub after {
    my ($op, $s, $arg) = @_;

    return $s ? [ $s, 0 ] : [ { list => $arg->[0], run => $arg->[1] }, 1 ]
        if $op eq 'create';
    return $s ? [ undef, 1 ] : [ $s, 0 ] if $op eq 'delete';
    return [ $s, 0 ] unless $s;

    my %n = %$s;
    $n{list} = $arg->[0] if $op eq 'patch';
    $n{run} = 1 if $op eq 'start' || $op eq 'restart';
    $n{run} = 0 if $op eq 'stop';

    return [ \%n, 1 ];
}


sub show {
    my ($s) = @_;
    return $s ? "list $s->{list} run $s->{run}" : 'none';
}


sub request {
    my ($op, $name, $arg) = @_;

    my $true = sub { $_[0] ? JSON::PP::true : JSON::PP::false };

    return $t->api('POST', 'api/1/streams',
                   { name => $name, playlist => $lists[$arg->[0]],
                     start => $true->($arg->[1]) }) if $op eq 'create';
    return $t->api('PATCH', "api/1/streams/$name",
                   { playlist => $lists[$arg->[0]] }) if $op eq 'patch';
    return $t->api('DELETE', "api/1/streams/$name") if $op eq 'delete';
    return $t->api('POST', "api/1/streams/$name/$op");
}


# the client: keeps for each stream the states that it may be in

sub client {
    my %may = (map({ $_ => [ undef ] } @names),
               fixed => [ { list => 0, run => 1 } ]);
    my %n = map { $_ => 0 } qw(answered unanswered refused busy);
    my (@wrong, %past);

    srand $seed + 1;

    until (-e $t->dir . '/client.stop') {
        my $name = (@names, 'fixed')[int rand(@names + 1)];
        my $op = (qw(create create patch delete start stop
                     restart))[int rand 7];
        $op = (qw(start stop restart))[int rand 3] if $name eq 'fixed';
        my $arg = [ int rand @lists, int rand 2 ];

        my ($status, $data, $r) = request($op, $name, $arg);
        my $code = ref $data && $data->{code} || '';
        my @was = @{ $may{$name} };
        my @then = map { after($op, $_, $arg) } @was;

        push @{ $past{$name} }, "$op @$arg $status $code";
        my $wrong = @wrong;

        if ($status == 599 && $r->{content} =~ /Could not connect/) {
            Time::HiRes::sleep(0.02);

        } elsif ($status == 599 || ($status >= 500 && !$code)) {
            $n{unanswered}++;
            my %seen;
            $may{$name} = [ grep { !$seen{ show($_) }++ }
                            @was, map { $_->[0] } @then ];

        } elsif ($status < 300) {
            $n{answered}++;
            my %seen;
            $may{$name} = [ grep { !$seen{ show($_) }++ }
                            map { $_->[0] } grep { $_->[1] } @then ];
            push @wrong, "$op $name: $status, but it was "
                . join(' or ', map { show($_) } @was) unless @{ $may{$name} };

        } elsif ($code eq 'stream_busy' || $code =~ /^store_/) {
            $n{busy}++;

        } elsif ($code eq 'stream_exists' || $code eq 'stream_not_found') {
            $n{refused}++;
            my @left = grep { !after($op, $_, $arg)->[1] } @was;
            push @wrong, "$op $name: $code, but it was "
                . join(' or ', map { show($_) } @was) unless @left;
            $may{$name} = \@left if @left;

        } else {
            push @wrong, "$op $name: $status $code";
        }

        if (@wrong != $wrong) {
            my @past = @{ $past{$name} || [] };
            splice @past, 0, -8 if @past > 8;
            push @wrong, '  after ' . join '; ', @past;
            $may{$name} = [ current($name) ];
        }

        Time::HiRes::sleep(0.005 + rand 0.03);
    }

    $t->write_file('client.json', $t->{json}->encode(
        { may => \%may, n => \%n, wrong => \@wrong }));
    return;
}


sub answers {
    return $t->wait_for(sub {
        my ($s, $data) = $t->api('GET', 'api/1/streams');
        return $s == 200 && $data->{relay}{alive};
    }, 10, 'nginx after a kill');
}


my %count;

# the last third leaves the zone as it is, so that its memory can be counted
sub one_kill {
    my ($n) = @_;

    my @kinds = qw(relay relay worker worker reload);
    push @kinds, qw(all master) if $n < $kills * 2 / 3;
    my $kind = $kinds[int rand @kinds];
    $count{$kind}++;

    if ($kind eq 'relay') {
        my @pids = $t->relay_pids;
        kill 'KILL', $pids[int rand @pids] if @pids;

    } elsif ($kind eq 'worker') {
        my @pids = $t->worker_pids;
        kill 'KILL', $pids[int rand @pids] if @pids;

    } elsif ($kind eq 'reload') {
        $t->signal('HUP');

    } else {
        # orphans go on for a while, and are ended with the rest
        my @orphans;

        if ($kind eq 'master') {
            @orphans = $t->descendants($t->master_pid);
            kill 'KILL', $t->master_pid;
            Time::HiRes::sleep(rand 0.3);
            kill 'KILL', @orphans;
            $t->gone(@orphans);
        }

        $t->kill_all('near');
        $t->start_nginx('near');
    }

    return;
}


my $client = fork;
die "fork: $!\n" unless defined $client;

if ($client == 0) {
    eval { client(); 1 } or print STDERR $@;
    POSIX::_exit(0);
}

$t->{pids}{$client} = 'client';
srand $seed;

my $survived = 0;

for my $n (1 .. $kills) {
    Time::HiRes::sleep(0.05 + rand 0.8);
    one_kill($n);
    last unless answers();
    $survived++;
}

is($survived, $kills, "nginx answers after each of $kills kills");
diag(join ', ', map { "$_ $count{$_}" } sort keys %count);

$t->write_file('client.stop', '');
ok(defined $t->wait_pid($client, 20), 'the client is done');

my $result = eval { $t->{json}->decode($t->read_file('client.json')) } || {};
diag(join ', ', map { "$_ $result->{n}{$_}" } sort keys %{ $result->{n} });
cmp_ok($result->{n}{answered} || 0, '>', $kills, 'writes were answered');
is(join("\n", @{ $result->{wrong} || [ 'no result' ] }), '',
   'and the answers fit together');

# what is there now

my $running = 0;

sub current {
    my ($name) = @_;

    my ($status, $data) = $t->api('GET', "api/1/streams/$name");
    return undef if $status == 404;

    my ($list) = grep { $lists[$_] eq ($data->{playlist} || '') } 0 .. $#lists;

    return { list => defined $list ? $list : "? $data->{playlist}",
             run => $data->{running} ? 1 : 0 };
}


sub check {
    my ($when) = @_;

    my @bad;
    $running = 0;

    for my $name (@names, 'fixed') {
        my $is = current($name);
        my @may = @{ $result->{may}{$name} };

        $running++ if $is && $is->{run};
        push @bad, "$name: " . show($is) . ', not '
            . join(' or ', map { show($_) } @may)
            unless grep { show($_) eq show($is) } @may;
    }

    is(join("\n", @bad), '', "$when: every stream is as it was left");
    return;
}


# connections of publishers to nginx-rtmp
sub publishers {
    my $port = sprintf '%04X', $t->{nginx}{near}{rtmp};

    return scalar grep {
        my @f = split;
        @f > 3 && $f[2] =~ /:$port$/ && $f[3] eq '01';
    } split /\n/, $t->read_file('/proc/net/tcp');
}


sub on_air {
    my ($when) = @_;

    my $ok = $t->wait_for(sub {
        my $live = grep { $t->state($_) eq 'live' } @names, 'fixed';
        return $live == $running && publishers() == $running;
    }, 20);

    ok($ok, "$when: one publisher for each of $running")
        or diag(publishers() . ' publishers; '
                . join ', ', map { "$_ " . $t->state($_) } @names, 'fixed');
    return;
}


sub zone_free {
    my ($status, $data) = $t->api('GET', 'api/1/streams');
    return $data->{zone}{free};
}


# a write that died with its worker is settled by the next pass
Time::HiRes::sleep(0.5);
check('after the kills');
on_air('after the kills');

my $free = zone_free();

$t->kill_all('near');
$t->start_nginx('near');
check('after one more');
on_air('after one more');

# the same streams in a new zone: what is missing of the old one was lost

my $fresh = zone_free();
diag(sprintf 'free pages: %d, in a new zone %d', $free / 4096, $fresh / 4096);
cmp_ok($free, '>=', $fresh - 8 * 4096, 'no zone memory is lost');

# the database is whole

my ($rc, $out) = $t->command('sqlite3', '-readonly', $t->state_path
                             . '/state.db', 'PRAGMA integrity_check');
is($out, "ok\n", 'the database is whole');

$t->finish;
