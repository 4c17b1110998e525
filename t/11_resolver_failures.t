#!/usr/bin/perl

# Every way in which a resolver fails has its code in the status and a line
# in the log, and leaves neither child nor thread.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
$t->near(directstream => 'resolve_timeout 2s;');


# the list fails: [name, what the stub does, code]
my @lists = (
    [ 'exit', { mode => 'exit', code => 3, stderr => 'oops' },
      'resolver_failed' ],
    [ 'signal', 'signal', 'resolver_failed' ],
    [ 'garbage', 'garbage', 'resolver_output' ],
    [ 'truncated', 'truncated', 'resolver_output' ],
    [ 'hang', 'hang', 'resolver_timeout' ],
    [ 'stubborn', 'stubborn', 'resolver_timeout' ],
    [ 'close', 'close', 'resolver_failed' ],
    [ 'line', 'long_line', 'resolver_overflow' ],
    [ 'empty', 'empty', 'playlist_empty' ],
    [ 'outdated', 'outdated', 'resolver_outdated' ],
    [ 'missing', { mode => 'error', error => 'missing' },
      'playlist_unavailable' ],
    [ 'private', { mode => 'error', error => 'private_list' },
      'playlist_unavailable' ],
    [ 'dns', { mode => 'error', error => 'dns' }, 'resolver_network' ],
    [ 'refused', { mode => 'error', error => 'refused' },
      'resolver_network' ],
    [ 'unsupported', { mode => 'error', error => 'unsupported' },
      'resolver_unsupported' ],
);

# an item fails, the only one: [name, fault or entry, item's code]
my @items = (
    [ 'i-private', { mode => 'error', error => 'private' }, 'item_private' ],
    [ 'i-deleted', { mode => 'error', error => 'deleted' },
      'item_unavailable' ],
    [ 'i-upcoming', { mode => 'error', error => 'upcoming' },
      'item_upcoming' ],
    [ 'i-age', { mode => 'error', error => 'age' }, 'item_restricted' ],
    [ 'i-members', { mode => 'error', error => 'members' },
      'item_restricted' ],
    [ 'i-format', { mode => 'error', error => 'format' }, 'item_format' ],
    [ 'i-garbage', 'garbage', 'resolver_output' ],
    [ 'i-hang', 'hang', 'resolver_timeout' ],
    [ 'i-silent', 'silent', 'resolver_output' ],
);

# what the list itself says of an item
my @listed = (
    [ 'l-private', { title => '[Private video]', duration => undef,
                     channel => undef, view_count => undef },
      'item_private' ],
    [ 'l-deleted', { title => '[Deleted video]', duration => undef,
                     channel => undef, view_count => undef },
      'item_unavailable' ],
    [ 'l-upcoming', { live_status => 'is_upcoming', duration => undef },
      'item_upcoming' ],
);

# what is no item's and no list's own fault is waited for, loop or not
sub waits {
    return $_[0] =~ /^resolver_/ && $_[0] ne 'resolver_unsupported';
}

my $off = { loop => JSON::PP::false };
my %list;


sub run {
    my ($name, $code, %list) = @_;

    my $url = $t->stub_list("PL$name", %list);
    my ($status) = $t->create($name, $url, loop => JSON::PP::false);
    is($status, 201, "$name: created");

    return [ $name, $code ];
}


# four at a time: most of them wait
sub batch {
    my ($check, @cases) = @_;

    while (my @some = splice @cases, 0, 4) {
        my @started = map { $_->() } @some;
        $check->(@$_) for @started;
        $t->api('DELETE', "api/1/streams/$_->[0]") for @started;
    }
}


batch(sub {
    my ($name, $code) = @_;

    ok($t->wait_error($name, $code, 12), "$name: status $code");
    ok($t->wait_state($name, waits($code) ? 'stalled' : 'failed', 12),
       "$name: state");

    my $message = $t->field($name, 'error', 'message');
    ok(defined $message && length $message, "$name: a message");
    $t->like_log(qr/directstream "\Q$name\E".*\Q$code\E/,
                 "$name: a line in the log");

}, map {
    my ($name, $fault, $code) = @$_;
    sub {
        run($name, $code, entries => [], list => $fault, first => $fault);
    };
} @lists);

batch(sub {
    my ($name, $code) = @_;

    ok($t->wait_state($name, waits($code) ? 'stalled' : 'failed', 15),
       "$name: state");

    my ($item) = $t->items($name);
    is($item && $item->{code}, $code, "$name: item's code $code")
        or diag(explain($item));
    ok($item && length $item->{reason}, "$name: item's reason");
    $t->like_log(qr/directstream "\Q$name\E".*\Q$code\E/,
                 "$name: a line in the log");

}, (map {
    my ($name, $fault, $code) = @$_;
    sub {
        (my $id = "${name}xxxxxxxxxxx") =~ s/^(.{11}).*/$1/;
        run($name, $code, item => $fault,
            entries => [ $t->stub_entry($id, 'a.mp4') ]);
    };
} @items), (map {
    my ($name, $fields, $code) = @$_;
    sub {
        (my $id = "${name}xxxxxxxxxxx") =~ s/^(.{11}).*/$1/;
        run($name, $code, item => { mode => 'error', error => 'private' },
            entries => [ $t->stub_entry($id, 'a.mp4', %$fields) ]);
    };
} @listed));

# all private: the list cannot be played

my $url = $t->stub_list('PLallprivate', item => { mode => 'error',
    error => 'private' }, entries => [ map {
        $t->stub_entry("allprivate$_", 'a.mp4', title => '[Private video]',
                       duration => undef, channel => undef) } 1 .. 3 ]);
$t->create('allprivate', $url, loop => JSON::PP::false);
ok($t->wait_error('allprivate', 'playlist_unplayable'), 'all private');
ok($t->wait_state('allprivate', 'failed'), 'failed');
$t->api('DELETE', 'api/1/streams/allprivate');

# looping, it does not spin

my $calls = $t->stub_calls;
$url = $t->stub_list('PLspin', entries => [], list => 'empty',
                     first => 'empty');
$t->create('spin', $url);
ok($t->wait_state('spin', 'stalled', 10), 'looping: stalled');
Time::HiRes::sleep(3);
cmp_ok($t->stub_calls - $calls, '<=', 8, 'and does not spin');
$t->api('DELETE', 'api/1/streams/spin');

# endless output is stopped, what was listed may play

$url = $t->stub_list('PLendless', entries => [], list => 'endless',
                     first => { mode => 'error', error => 'private' },
                     item => { mode => 'error', error => 'private' });
my ($status, $data) = $t->api('POST', 'api/1/resolve', { playlist => $url });
ok($status == 200 || $status == 502, "endless output ends: $status");

# a site that is asked too often is asked nothing by anybody, for a while

for my $error ('429', 'bot') {
    $url = $t->stub_list("PLlimit$error", entries => [],
                         list => { mode => 'error', error => $error },
                         first => { mode => 'error', error => $error });
    $t->create("limit$error", $url, loop => JSON::PP::false);
    ok($t->wait_error("limit$error", 'resolver_rate_limited', 25),
       "$error: resolver_rate_limited");
}

$t->like_log(qr/asked nothing for \d+ s: resolver_rate_limited/,
             'it is left alone');

$calls = $t->stub_calls;
Time::HiRes::sleep(2);
cmp_ok($t->stub_calls - $calls, '<=', 1, 'no call meanwhile');
$t->api('DELETE', "api/1/streams/limit$_") for '429', 'bot';

# nothing is left

ok($t->wait_for(sub { !$t->resolver_pids }, 5), 'no child is left')
    or diag(map { $t->cmdline($_) . "\n" } $t->resolver_pids);
ok($t->wait_for(sub { !$t->engine_threads($t->relay_pid) }, 5),
   'no thread is left') or diag(join ' ', $t->threads($t->relay_pid));

# no such program

$t->stop_nginx('near', 'QUIT');
$t->near(resolve_command => $t->dir . '/nothing-here');
$t->create('noprogram', 'https://www.youtube.com/playlist?list=PLnone',
           loop => JSON::PP::false);
ok($t->wait_error('noprogram', 'resolver_missing'), 'resolver_missing');
$t->like_log(qr/directstream "noprogram".*resolver_missing/,
             'resolver_missing: a line in the log');

$t->finish;
