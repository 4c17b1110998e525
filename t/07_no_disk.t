#!/usr/bin/perl

# Direct mode writes no media to disk: every write of the relay worker, its
# threads and its children is traced, and none goes to a regular file but to
# logs and the state.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


# of state_path
my $kept = qr{/state/(?:owners\.lock|state\.db(?:-wal|-shm)?|secret\.\d+)$};

my $t = DirectStream::Test->new;
$t->far;

my $url = $t->stub_list('PLdisk', entries => [
    $t->stub_entry('diskitem001', 'two.mp4'),
    $t->stub_entry('diskitem002', ['two.video.mp4', 'two.audio.m4a']),
]);

$t->near;

my $relay = $t->relay_pid;
my $trace = $t->dir . '/trace';

# -y: descriptors with what they are
my $strace = $t->run('strace', 'strace', '-f', '-y', '-s', 0, '-e',
    'trace=write,writev,pwrite64,pwritev,sendto,sendmsg,openat,open,creat,'
    . 'copy_file_range,sendfile,splice,ftruncate,fallocate,mmap', '-o',
    $trace, '-p', $relay);

SKIP: {
    my $on = $t->wait_for(sub {
        $t->read_file("/proc/$relay/status") =~ /TracerPid:\s*([1-9]\d*)/;
    }, 5);

    skip 'strace may not trace here: '
         . $t->read_file('strace.log'), 4 unless $on;

    my $w = $t->watch('disk');
    $t->create('disk', $url);

    my $flow = $t->wait_flow($w, sub { $_->bytes > 400_000 }, 30);
    cmp_ok($flow->bytes, '>', 400_000, 'media went out');

    $t->api('POST', 'api/1/streams/disk/stop');
    $t->wait_state('disk', 'stopped', 5);
    $t->stop_pid($strace, 'INT');

    my (%bytes, @writes, @opens);
    my $sent = 0;

    for (split /\n/, $t->read_file($trace)) {
        if (/^\d+[ ]+(?:write|writev|pwrite64|pwritev)
              \(\d+<([^>]*)>.*=[ ](\d+)$/x)
        {
            my ($where, $n) = ($1, $2);

            if ($where =~ m{^/} && $where !~ m{^/(?:dev|proc)/}) {
                $bytes{$where} += $n;

            } else {
                $sent += $n;
            }

        } elsif (/^\d+ +(?:sendto|sendmsg)\(.*= (\d+)$/
                 || /^\d+ +<\.\.\. (?:sendto|sendmsg) resumed>.*= (\d+)$/)
        {
            $sent += $1;

        } elsif (/^\d+ +open(?:at)?\(.*"([^"]*)".*O_(?:WRONLY|RDWR|CREAT)/) {
            push @opens, $1;

        } elsif (/MAP_SHARED.*PROT_WRITE|PROT_WRITE.*MAP_SHARED/
                 && m{<(/(?!dev/)[^>]*)>} && $1 !~ m{/state\.db-shm$})
        {
            push @writes, "mmap $1";

        } elsif (/^\d+ +(?:copy_file_range|sendfile|splice|fallocate)\(/) {
            push @writes, $_;
        }
    }

    cmp_ok($sent, '>', 400_000, 'the trace saw it going out');

    # logs are no media: nginx's, and the stub's list of its calls
    my @logs = grep { m{/(?:error|access|calls)\.log$} } keys %bytes;
    my %log = map { $_ => delete $bytes{$_} } @logs;
    my @media = grep { !/$kept/ } sort keys %bytes;

    is(join(' ', map { "$_: $bytes{$_}" } @media), '',
       'not a byte to a regular file');
    is(join("\n", @writes), '', 'nor by another way');

    my $log = 0;
    $log += $_ for values %log;
    cmp_ok($log, '<', 65536, 'and logs stay small');

    my $state = 0;
    $state += -s for glob($t->state_path . '/state.db*');
    cmp_ok($state, '<', 512 * 1024, 'and so does the state');

    my @new = grep { !m{^/(?:dev|proc)/|/(?:calls|error)\.log$}
                     && !/$kept/ }
              @opens;
    is("@new", '', 'no file was opened for writing');
}

$t->finish;
