package DirectStream::Test;

# Runs nginx with the module for one test, in a directory of its own, with
# what it needs around it: a second nginx as the far end, a media server, a
# resolver that gives prepared answers.  finish() stops all of it and looks
# for what must not have happened.  Core Perl only.

use strict;
use warnings;

use Carp qw(croak);
use Cwd qw(abs_path);
use Errno qw(ECHILD);
use Fcntl qw(:flock);
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP;
use POSIX qw(WNOHANG);
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC sleep time);

use DirectStream::Client;
use DirectStream::Media;
use DirectStream::Proc;


our @ISA = qw(DirectStream::Client DirectStream::Proc);

our $ROOT = abs_path(dirname(__FILE__) . '/../../..');
our $NGINX = $ENV{DS_NGINX} || '/usr/sbin/nginx';
our $BUILD = $ENV{DS_BUILD} || "$ROOT/build";
our $MODULE = $ENV{DS_MODULE} || "$BUILD/ngx_directstream_module.so";
our $RTMP = $ENV{DS_RTMP_MODULE} || '/usr/lib/nginx/modules/ngx_rtmp_module.so';

use constant {
    SYS_PRCTL => { x86_64 => 157, aarch64 => 167 },
    PR_SET_CHILD_SUBREAPER => 36,
};

my (@ports, @tests);


# now, in the clock that t/tools/watch prints, ms
sub now {
    return clock_gettime(CLOCK_MONOTONIC) * 1000;
}


sub new {
    my ($class, %args) = @_;

    my $dir = tempdir('directstream-XXXXXXXX', TMPDIR => 1);
    chmod 0755, $dir;

    # orphans come to us: none can hide from finish()
    my (undef, undef, undef, undef, $machine) = POSIX::uname();
    my $nr = SYS_PRCTL->{$machine};
    syscall($nr, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) if defined $nr;

    # a directory that any worker can write to
    mkdir "$dir/$_" for qw(near far stub);
    chmod 0777, "$dir/stub";

    my $self = bless {
        dir => $dir, pids => {}, nginx => {}, allow => [], owner => $$,
        http => DirectStream::Once->new(timeout => 15, keep_alive => 0),
        json => JSON::PP->new->canonical->utf8,
    }, $class;

    push @tests, $self;
    $SIG{TERM} = $SIG{INT} = sub { exit 1 };

    return $self;
}


sub dir {
    my ($self) = @_;
    return $self->{dir};
}


# a port below the range of the kernel's own choice, ours until we end
sub port {
    my $self = shift;
    my $dir = '/tmp/directstream-ports.' . $>;

    mkdir $dir, 0700;

    for (1 .. 500) {
        my $port = 10240 + int rand 20000;

        open my $lock, '>', "$dir/$port" or die "$dir/$port: $!\n";
        next unless flock $lock, LOCK_EX|LOCK_NB;

        my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
                                      LocalPort => $port, Listen => 1,
                                      ReuseAddr => 1) or next;
        close $s;

        push @ports, $lock;
        return $port;
    }

    die "no free port\n";
}


sub write_file {
    my ($self, $name, $text) = @_;

    my $file = $name =~ m{^/} ? $name : "$self->{dir}/$name";

    make_path(dirname($file));
    open my $fh, '>', $file or die "$file: $!\n";
    print $fh $text;
    close $fh or die "$file: $!\n";

    return $file;
}


sub read_file {
    my ($self, $name) = @_;

    my $file = $name =~ m{^/} ? $name : "$self->{dir}/$name";

    open my $fh, '<', $file or return '';
    local $/;
    my $text = <$fh>;

    return defined $text ? $text : '';
}


# the rows of the table below a heading of a page of the book
sub book_rows {
    my ($self, $page, $heading) = @_;

    my ($text) = $self->read_file("$ROOT/docs/$page")
                 =~ /^#+ \Q$heading\E\n(.*?)(?:^#|\z)/ms;
    my (undef, undef, @rows) = grep { /^\|/ } split /\n/, $text // '';

    return @rows;
}


# calls until it is true or the time is over; returns what it returned
sub wait_for {
    my ($self, $code, $seconds, $what) = @_;

    my $end = clock_gettime(CLOCK_MONOTONIC) + ($seconds || 10);

    for ( ;; ) {
        my $rv = $code->();
        return $rv if $rv;

        if (clock_gettime(CLOCK_MONOTONIC) >= $end) {
            diag(($what || 'condition') . " did not come in $seconds s")
                if $what;
            return $rv;
        }

        sleep 0.02;
    }
}


# a program in the background; out and err are files in the test's directory
sub run {
    my ($self, $name, @argv) = @_;

    my $log = "$self->{dir}/$name.log";

    my $pid = fork;
    die "fork: $!\n" unless defined $pid;

    if ($pid == 0) {
        $SIG{TERM} = $SIG{INT} = 'DEFAULT';
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$self->{dir}/$name.out" or POSIX::_exit(126);
        open STDERR, '>', $log or POSIX::_exit(126);
        exec { $argv[0] } @argv or POSIX::_exit(127);
    }

    $self->{pids}{$pid} = $name;

    return $pid;
}


# waits for a program of ours to end; undef when it runs on
sub wait_pid {
    my ($self, $pid, $seconds) = @_;

    my $status;

    $self->wait_for(sub {
        my $rv = waitpid $pid, WNOHANG;
        return 0 if $rv == 0;
        $status = $rv == $pid ? $? : -1;
        return 1;
    }, $seconds);

    delete $self->{pids}{$pid} if defined $status;

    return $status;
}


sub stop_pid {
    my ($self, $pid, $signal) = @_;

    kill $signal || 'TERM', $pid;

    my $status = $self->wait_pid($pid, 5);
    return $status if defined $status;

    kill 'KILL', $pid;
    return $self->wait_pid($pid, 5);
}


# a command in the foreground: (exit status, stdout and stderr)
sub command {
    my ($self, @argv) = @_;

    my $pid = open my $fh, '-|';
    die "fork: $!\n" unless defined $pid;

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDERR, '>&', \*STDOUT;
        exec { $argv[0] } @argv or POSIX::_exit(127);
    }

    local $/;
    my $out = <$fh>;
    close $fh;

    return ($?, defined $out ? $out : '');
}


# nginx

sub head {
    my ($self, $name, %args) = @_;

    my $dir = "$self->{dir}/$name";
    my $workers = defined $args{workers} ? $args{workers} : 2;
    my $user = $> == 0 ? "user www-data;\n" : '';
    my $main = $args{main} || '';
    my $level = $args{log_level} || 'info';

    # a binary upgrade keeps of the environment what is named
    $main .= join '', map { "env $_;\n" }
                 qw(LD_PRELOAD ASAN_OPTIONS UBSAN_OPTIONS)
        if $ENV{DS_PRELOAD} && $args{module};

    my $load = "load_module $RTMP;\n";
    $load .= "load_module $MODULE;\n" if $args{module};

    return "${load}${user}worker_processes $workers;\n"
        . "pid $dir/nginx.pid;\nerror_log $dir/error.log $level;\n$main\n"
        . "events { worker_connections 512; }\n";
}


sub http_paths {
    my ($self, $name) = @_;

    my $dir = "$self->{dir}/$name";

    return "    access_log $dir/access.log;\n" . join '', map {
        "    ${_}_temp_path $dir/$_;\n"
    } qw(client_body proxy fastcgi uwsgi scgi);
}


sub start_nginx {
    my ($self, $name, %args) = @_;

    my $n = $self->{nginx}{$name} or croak "no nginx \"$name\"";

    my @env = @{ $args{env} || [] };

    if ($ENV{DS_PRELOAD} && $n->{module}) {
        push @env, "LD_PRELOAD=$ENV{DS_PRELOAD}";
    }

    # an upgrade is for a daemon only
    my $daemon = $args{daemon} ? 'daemon on;' : 'daemon off;';

    $n->{pid} = $self->run("nginx-$name", '/usr/bin/env', @env,
                           @{ $args{wrap} || [] }, $NGINX, '-p',
                           "$self->{dir}/$name", '-c', $n->{conf},
                           '-e', "$self->{dir}/$name/error.log",
                           '-g', $daemon);

    $self->daemon($n) if $args{daemon};

    my $up = $self->wait_for(sub {
        my $dead = waitpid($n->{pid}, WNOHANG);
        return -1 if $dead == $n->{pid};

        for my $port (@{ $n->{ports} }) {
            my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                          PeerPort => $port, Timeout => 1);
            return 0 unless $s;
        }

        return 1;
    }, 20, "nginx \"$name\"");

    if ($up != 1) {
        delete $self->{pids}{ $n->{pid} };
        die "nginx \"$name\" does not start:\n"
            . $self->read_file("nginx-$name.log")
            . $self->read_file("$name/error.log");
    }

    return $n;
}


# the master of a daemon: an orphan, and so our child
sub daemon {
    my ($self, $n) = @_;

    $self->wait_pid($n->{pid}, 10);

    $n->{pid} = $self->wait_for(sub { $self->master_pid($n->{name}) }, 5)
        or die "nginx \"$n->{name}\" does not start:\n"
               . $self->log_of($n->{name});

    $self->{pids}{ $n->{pid} } = "nginx-$n->{name}";

    return;
}


# the far end: takes the push under any name, shows it to watch
sub far {
    my ($self, %args) = @_;

    my $name = $args{name} || 'far';
    my $port = $args{port} || $self->port;
    my $dir = "$self->{dir}/$name";

    make_path("$dir/record");
    chmod 0777, "$dir/record";

    my $record = $args{record} ? "record all; record_path $dir/record;" : '';

    my $conf = $self->head($name, workers => 1)
        . "rtmp { server { listen 127.0.0.1:$port; out_queue 4096;\n"
        . "    application live2 { live on; $record }\n} }\n";

    $self->{nginx}{$name} = {
        name => $name, ports => [ $port ], port => $port,
        conf => $self->write_file("$name/nginx.conf", $conf),
    };

    $self->start_nginx($name);
    $self->{far} = "rtmp://127.0.0.1:$port/live2";

    return $self->{far};
}


# where a stream is pushed to, and where it is watched
sub push_url {
    my ($self, $key) = @_;
    return "$self->{far}/$key";
}


sub state_path {
    my ($self) = @_;
    return "$self->{dir}/near/state";
}


# the text of nginx.conf for the nginx under test
sub near_conf {
    my ($self, %args) = @_;

    my $n = $self->{nginx}{near} ||= {
        name => 'near', module => 1, http => $self->port,
        rtmp => $self->port,
    };

    my $dir = "$self->{dir}/near";
    my $write = exists $args{write} ? $args{write} : 'write=on';
    my $resolver = $args{resolve_command} || $self->stub_command;
    my $rtmp = $args{rtmp} || '';
    my $http = $args{http} || '';
    my $block = $args{directstream} || '';
    my $zone = $args{zone} || '8m';

    $n->{ports} = [ $n->{http}, $n->{rtmp} ];

    my $admin = $args{no_admin} ? '' : <<"END";
        location /directstream/ { directstream_admin $write; }
        location = /directstream/on_publish { directstream_on_publish; }
END

    my $ds = $args{no_block} ? '' : <<"END";
directstream {
    zone             directstream:$zone;
    state_path       $dir/state;
    publish          rtmp://127.0.0.1:$n->{rtmp}/live;
    resolve_command  $resolver;
    $block
}
END

    return $self->head('near', module => 1, %args) . $ds . <<"END";
rtmp { server { listen 127.0.0.1:$n->{rtmp}; out_queue 4096;
    application live {
        live on;
        on_publish http://127.0.0.1:$n->{http}/directstream/on_publish;
        $rtmp
    }
} }
http {
@{[ $self->http_paths('near') ]}
    server {
        listen 127.0.0.1:$n->{http};
        $admin
        $http
    }
}
END
}


sub near_write {
    my ($self, %args) = @_;

    my $conf = $self->near_conf(%args);

    $self->{nginx}{near}{conf} = $self->write_file('near/nginx.conf', $conf);
    return $self->{nginx}{near};
}


sub near {
    my ($self, %args) = @_;

    my $n = $self->near_write(%args);

    $self->start_nginx('near', %args);

    return $n;
}


sub near_rtmp {
    my ($self) = @_;
    return "rtmp://127.0.0.1:$self->{nginx}{near}{rtmp}/live";
}


# nginx -t with a configuration: (exit status, what it says)
sub nginx_t {
    my ($self, $file) = @_;

    my @env;
    @env = ("LD_PRELOAD=$ENV{DS_PRELOAD}") if $ENV{DS_PRELOAD};

    return $self->command('/usr/bin/env', @env, $NGINX, '-t', '-p',
                          "$self->{dir}/near", '-c', $file,
                          '-e', "$self->{dir}/near/test.log");
}


sub master_pid {
    my ($self, $name) = @_;

    my ($pid) = $self->read_file(($name || 'near') . '/nginx.pid')
                =~ /^(\d+)/;
    return $pid;
}


sub signal {
    my ($self, $signal, $name) = @_;
    return kill $signal, $self->master_pid($name);
}


sub stop_nginx {
    my ($self, $name, $signal, $seconds) = @_;

    my $n = $self->{nginx}{$name};
    my $pid = delete $n->{pid} or return 0;

    kill $signal || 'TERM', $pid;

    my $status = $self->wait_pid($pid, $seconds || 10);
    return $status if defined $status;

    # what hangs is shown, then ended
    diag("nginx \"$name\" does not end");
    kill 'KILL', $_ for reverse $self->descendants($pid), $pid;
    $self->wait_pid($pid, 5);

    return -1;
}


# as a power cut does it: nobody can say a word
sub kill_all {
    my ($self, $name) = @_;

    my $n = $self->{nginx}{$name};
    my $pid = delete $n->{pid} or return;

    # it may be about to fork
    kill 'STOP', $pid;

    my @pids = ($pid, $self->descendants($pid));

    kill 'STOP', @pids;
    kill 'KILL', @pids;
    delete $self->{pids}{$pid};
    $self->gone(@pids);

    return;
}


# waits until none of these processes is there; orphans are ours to reap
sub gone {
    my ($self, @pids) = @_;

    return $self->wait_for(sub {
        waitpid $_, WNOHANG for @pids;
        return !grep { my $s = $self->stat_of($_); $s && $s->{state} ne 'Z' }
                @pids;
    }, 5, 'the end of everything');
}


sub log_of {
    my ($self, $name) = @_;
    return $self->read_file(($name || 'near') . '/error.log');
}


sub like_log {
    my ($self, $re, $what) = @_;

    my $ok = $self->wait_for(sub { $self->log_of =~ $re }, 5);
    return ok($ok, $what);
}


# a log line that this test means to cause
sub allow {
    my ($self, $re) = @_;

    push @{ $self->{allow} }, $re;
    return;
}


sub bad_lines {
    my ($self) = @_;

    my @bad;

    for my $file (glob("$self->{dir}/*/error.log $self->{dir}/*.log"
                       . " $self->{dir}/asan.*"))
    {
        for my $line (split /\n/, $self->read_file($file)) {
            next unless $line =~ /\[(?:alert|emerg|crit)\]/
                || $line =~ /(?:Address|Leak|Thread)Sanitizer|runtime error:/;

            next if grep { $line =~ $_ } @{ $self->{allow} };
            push @bad, $line;
        }
    }

    return @bad;
}


sub left_processes {
    my ($self) = @_;

    my @left;

    $self->wait_for(sub {
        1 while waitpid(-1, WNOHANG) > 0;
        @left = grep { my $s = $self->stat_of($_); $s && $s->{state} ne 'Z' }
                $self->descendants($$);
        return !@left;
    }, 3);

    return map { "$_ " . $self->cmdline($_) } @left;
}


sub finish {
    my ($self) = @_;

    for my $w (values %{ $self->{watch} || {} }) {
        $self->stop_pid($w->{pid});
    }
    $self->{watch} = {};

    for my $name ('near', sort grep { $_ ne 'near' } keys %{ $self->{nginx} })
    {
        next unless $self->{nginx}{$name} && $self->{nginx}{$name}{pid};
        $self->stop_nginx($name, 'QUIT');
    }

    for my $pid (keys %{ $self->{pids} }) {
        $self->stop_pid($pid);
    }

    my @left = $self->left_processes;
    is(join("\n", @left), '', 'no process left behind');

    for (@left) {
        my ($pid) = /^(\d+)/;
        kill 'KILL', $pid;
    }

    is(join("\n", $self->bad_lines), '', 'no alerts, no sanitizer errors');

    if (my @faults = sort keys %{ $self->{undescribed} || {} }) {
        is(join("\n", @faults), '', 'answers are as openapi.json says');
    }

    $self->{finished} = 1;
    done_testing();

    return;
}


# the end of the test, whichever way it came about
sub end {
    my ($self) = @_;

    return unless $self->{owner} == $$;

    local ($?, $@, $!);

    if (!$self->{finished}) {
        for (1 .. 20) {
            kill 'KILL', $self->descendants($$);
            sleep 0.05;
            1 while waitpid(-1, WNOHANG) > 0;
            last unless $self->descendants($$);
        }
    }

    my $bad = !$self->{finished} || !Test::More->builder->is_passing;

    if (($bad && !$ENV{DS_DROP}) || $ENV{DS_KEEP}) {
        diag("kept: $self->{dir}");

    } else {
        remove_tree($self->{dir});
    }

    return;
}


END {
    $_->end for @tests;
}


sub import {
    my ($class) = @_;

    my $caller = caller;

    strict->import;
    warnings->import;
    $| = 1;

    no strict 'refs';
    for my $f (@Test::More::EXPORT) {
        next unless $f =~ /^\w+$/;
        *{"${caller}::$f"} = \&{"Test::More::$f"};
    }
    *{"${caller}::TODO"} = \${"Test::More::TODO"};

    return;
}


# HTTP::Tiny asks again when a connection breaks; a request that was carried
# out would then be answered as if it had come twice

package DirectStream::Once;

our @ISA = qw(HTTP::Tiny);


sub _request {
    my ($self, @args) = @_;

    my $r = eval { $self->SUPER::_request(@args) };
    die ref $@ ? $@ : "once: $@" if $@;

    return $r;
}


1;
