#!/usr/bin/perl

# make demo runs, is seen at the stand-in for YouTube, and cleans up.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;

plan skip_all => 'the demo is not run under a sanitizer'
    if $ENV{DS_PRELOAD};

my $http = $t->port;

my $pid = $t->run('demo', '/usr/bin/env', 'DEMO_SECONDS=15',
    "DEMO_DIR=$t->{dir}/demo", "DEMO_HTTP=$http", 'DEMO_RTMP='
    . $t->port, 'DEMO_FAR=' . $t->port, 'DEMO_STAT=' . $t->port,
    "DS_MODULE=$DirectStream::Test::MODULE",
    "DS_BUILD=$DirectStream::Test::BUILD",
    "$DirectStream::Test::ROOT/conf/demo/demo");

my $status = $t->wait_pid($pid, 120);
my $out = $t->read_file('demo.out');

is($status, 0, 'it ends by itself, with success')
    or diag($out, $t->read_file('demo.log'));
like($out, qr/live/, 'it was live');
like($out, qr/ copy /, 'an item was copied');
like($out, qr/ encode /, 'another one encoded');
like($out, qr{http://127\.0\.0\.1:$http/directstream/\s}, 'the dashboard');
like($out, qr{/directstream/metrics}, 'the metrics');
like($out, qr{rtmp://127\.0\.0\.1:\d+/}, 'a URL to look at');
like($out, qr{a\.rtmps\.youtube\.com}, 'how to make it one\'s own');

$t->finish;
