#!/usr/bin/perl

# The relay worker among nginx's own: what other modules count, the processors
# it may use, into which worker a reload publishes, and a start that fails.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;

# read at once: the first picture is there before older workers leave
my $url = $t->plain_list('workers', 'long.mp4');

my $main = "worker_cpu_affinity auto;\nrtmp_auto_push on;\n"
           . 'rtmp_socket_dir ' . $t->dir . "/stub;\n";

sub streams {
    return join '', map { "stream $_ { playlist $url; }\n" } @_;
}


# without the threads of nginx's pool, which do nothing there
sub cpus {
    my ($pid) = @_;

    my %list = map { /^Cpus_allowed_list:\s*(\S+)/m ? ($1 => 1) : () }
               grep { /^Pid:\s*$pid$/m || !/^Name:\s*nginx$/m }
               map { $t->read_file($_) } glob "/proc/$pid/task/*/status";

    return join ' ', sort keys %list;
}


$t->near(workers => 2, main => $main, directstream => streams('one'));
ok($t->wait_state('one', 'live'), 'live');

# pushes between workers come to an end

my $worker = ($t->worker_pids)[0];
my $quiet = length $t->log_of;
Time::HiRes::sleep(2);
my @tries = substr($t->log_of, $quiet) =~ /auto_push: connect failed/g;
is(scalar @tries, 0, 'no push to a worker that is none');

# all processors

my $all = cpus($t->master_pid);
is(cpus($t->relay_pid), $all, 'the relay worker may use all processors');

SKIP: {
    skip 'one processor', 1 unless $all =~ /[,-]/;
    isnt(cpus($worker), $all, 'and another worker one');
}

# with the pause that docs/operation.md recommends

$t->stop_nginx('near', 'QUIT');
$main .= 'rtmp_auto_push_reconnect 30s;';
$t->near_write(workers => 2, main => $main, directstream => streams('one'));
$t->start_nginx('near');
ok($t->wait_state('one', 'live'), 'live');

# what a reload starts is published to a worker that stays

for my $name (qw(two three four)) {
    my %old = map { $_ => 1 } $t->worker_pids;

    $t->near_write(workers => 2, main => $main,
                   directstream => streams('one', $name));
    $t->signal('HUP');
    ok($t->wait_state($name, 'live'), "$name: live");

    my ($pid) = $t->log_of =~ /(\d+)#\d+: \*\d+ publish: name='$name'/;
    ok($pid && !$old{$pid}, "$name: not in a worker that is about to leave");
}

# the locks' file is gone

my $lock = $t->state_path . '/owners.lock';

sub killed {
    my $relay = $t->relay_pid;

    kill 'KILL', $relay;
    $t->allow(qr/worker process $relay exited on signal 9/);
    $t->wait_for(sub { !grep { $_ == $relay } $t->relay_pids }, 5);
    return $relay;
}

# streams of older relay workers come to the newest
$t->api('POST', 'api/1/streams/one/restart');
ok($t->wait_for(sub { (my @p = $t->relay_pids) == 1 }, 15), 'one is left');
ok($t->wait_state('one', 'live'), 'live');

ok(unlink($lock), 'unlink');
my $dead = killed();
ok($t->wait_for(sub { ($t->field('one', 'owner_pid') || $dead) != $dead
                      && $t->state('one') eq 'live' }, 10),
   'without the locks\' file: live again');
ok(-f $lock, 'it is there again');

# it cannot be opened, and then it can

ok(unlink($lock) && symlink('nowhere', $lock), 'a symbolic link');
$t->allow(qr/open\("\Q$lock\E"\) failed|relay worker cannot start/);
$dead = killed();
ok($t->wait_for(sub { $t->log_of =~ /relay worker cannot start, next try/ },
                5), 'the start fails');
unlike($t->log_of, qr/cannot be respawned/, 'which is not the end');
ok(unlink($lock), 'unlink');
ok($t->wait_for(sub { ($t->field('one', 'owner_pid') || $dead) != $dead
                      && $t->state('one') eq 'live' }, 15), 'live again');

$t->finish;
