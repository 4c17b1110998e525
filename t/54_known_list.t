#!/usr/bin/perl

# A list that is known goes on air before it is read, after a kill as well;
# one that was cut is completed while it plays, one that is too long is cut.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
my $dir = $t->dir;
my $strict = JSON::PP->new->utf8;

mkdir "$dir/logs";
$t->far;


sub records {
    my ($stream) = @_;

    return grep { $_->{stream} eq $stream } map { $strict->decode($_) }
           split /\n/, $t->read_file('logs/json.log');
}


sub aired {
    return map { $_->{id} } records(@_);
}


sub playlist {
    return $t->status($_[0])->{status}{playlist};
}


sub entries {
    my ($file, @numbers) = @_;

    return [ map { $t->stub_entry("knownitem$_", $file,
                                  duration => $file =~ /long/ ? 60 : 2) }
             @numbers ];
}


my $known = $t->stub_list('PLknown', entries => entries('long.mp4', 11 .. 16));
my $cut = $t->stub_list('PLcut', entries => entries('a.mp4', 21 .. 26),
    list => { mode => 'exit', after => 3, for => 1, stderr => 'ERROR: '
              . '[youtube:tab] PLcut: Unable to download API page: HTTP '
              . 'Error 403: Forbidden' });
my $mixed = $t->stub_list('PLmixed', entries => entries('a.mp4', 31 .. 36));
my $many = $t->plain_list('many', map {
    { url => $t->media_url('long.mp4', "n=$_"), id => "many$_" }
} 1 .. 50010);

$t->write_file('www/fixed.m3u', "#EXTM3U\n" . $t->media_url('long.mp4')
               . "\n" . $t->media_url('mid.mp4') . "\n");

my $block = <<"END";
    resolve_timeout 5s;
    media_root $dir/www;
    directstream_log $dir/logs/json.log json;
    stream fixed { playlist file://$dir/www/fixed.m3u; playlist_refresh off; }
END

$t->near(directstream => "$block playlist_refresh 1s;");

is(($t->create('known', $known))[0], 201, 'known');
is(($t->create('mixed', $mixed, shuffle => JSON::PP::true))[0], 201, 'mixed');
is(($t->create('cut', $cut))[0], 201, 'cut');
ok($t->wait_state('known', 'live'), 'on air');
is(scalar $t->api('POST', 'api/1/streams/known/skip'), 202, 'skip');
ok($t->wait_for(sub { $t->field('known', 'item', 'index') == 1 }, 10),
   'the second item');

# a page that fails in the middle of a list is no end of it

ok($t->wait_for(sub { playlist('cut')->{pending} }, 10), 'cut: it is said');
my $p = playlist('cut');
is("$p->{pending}{code} $p->{count}", 'playlist_unavailable 3',
   'cut: what there is plays');
ok(!$p->{complete}, 'cut: it is not complete');
ok($t->wait_for(sub {
    playlist('cut')->{count} == 6 && !playlist('cut')->{pending};
}, 10), 'cut: all of it');
$p = playlist('cut');
ok($p->{complete} && !$p->{pending}, 'cut: it is complete');
is($p->{added}, 3, 'cut: three came');

# most of a list is missing: what there is is looked up

my $few = $t->stub_list('PLfew', entries => entries('a.mp4', 41 .. 43),
                        playlist_count => 10);
my ($status, $found) = $t->api('POST', 'api/1/resolve', { playlist => $few });
is("$status " . @{$found->{items}}, '200 3', 'few: looked up');
ok(!$found->{complete}, 'few: not complete');

# too many

is(($t->create('many', $many))[0], 201, '50,010 items');
ok($t->wait_for(sub { playlist('many')->{truncated} }, 20), 'too many');
$p = playlist('many');
is("$p->{count} " . ($p->{complete} ? 1 : 0), '50000 0', 'it is cut, and said');
$t->like_log(qr/playlist is cut at 50000 items/, 'in the log, too');
ok($t->wait_state('many', 'live'), 'it plays');
my (undef, $list) = $t->api('GET', 'api/1/streams');
ok($list->{relay}{alive}, 'the relay worker lives');

# a setting of the file changes without a new run

is(playlist('fixed')->{count}, 2, 'fixed: two');
my $since = $t->status('fixed')->{status}{since};
$t->near_write(directstream => "$block playlist_refresh 1s;"
               =~ s/playlist_refresh off/playlist_refresh 1s jitter=0%/r);
$t->signal('HUP');
$t->write_file('www/fixed.m3u', "#EXTM3U\n" . $t->media_url('a.mp4') . "\n"
               . $t->media_url('long.mp4') . "\n"
               . $t->media_url('mid.mp4') . "\n");
ok($t->wait_for(sub { playlist('fixed')->{count} == 3 }, 15),
   'fixed: read again after the reload');
is($t->status('fixed')->{status}{since}, $since, 'fixed: in the same run');
is($t->field('fixed', 'item', 'index'), 1, 'fixed: the item has another place');
is($t->field('fixed', 'next', 'index'), 2, 'fixed: and so has the next');

# the list cannot be had when it starts again

ok($t->wait_for(sub { aired('cut') >= 6 }, 20), 'cut: six were on air');
is(join(' ', map { s/knownitem//r } (aired('cut'))[0 .. 5]),
   '21 22 23 24 25 26', 'cut: as if nothing had been');
is(join(' ', (map { $_->{gap} + $_->{slate} } records('cut'))[0 .. 5]),
   '0 0 0 0 0 0', 'cut: without a slate between them');

ok($t->wait_for(sub { aired('mixed') >= 3 }, 20), 'mixed: three were on air');
ok($t->wait_for(sub { ($t->field('known', 'item', 'position') || 0) > 6 }, 15),
   'known: its place is stored');
my @before = aired('mixed');
$t->kill_all('near');

unlink "$dir/www/many.json";
$t->stub_list('PLknown', entries => entries('long.mp4', 10 .. 16),
              list => 'hang');
my $lists = $t->stub_calls('list');
$t->start_nginx('near');

ok($t->wait_state('known', 'live'), 'known: on air without its list');
is($t->field('known', 'item', 'id'), 'knownitem12', 'known: the same item');
cmp_ok($t->field('known', 'item', 'position'), '>', 1, 'known: in its middle');
is(playlist('known')->{count}, 6, 'known: with all the others');
ok($t->wait_state('many', 'live'), '50,000: on air');
is($t->field('many', 'item', 'id'), 'many1', '50,000: the same item');
ok($t->wait_for(sub { playlist('many')->{pending} }, 15),
   '50,000: the list is missing');
cmp_ok(playlist('many')->{count}, '>', 1, '50,000: it is known');

$t->stub_list('PLknown', entries => entries('long.mp4', 10 .. 16));
ok($t->wait_for(sub { playlist('known')->{count} == 7 }, 15),
   'known: the list has come');
is($t->field('known', 'item', 'index'), 2, 'known: the item has its place');
is($t->field('known', 'output', 'reconnects'), 0, 'known: in one session');

# the shuffled pass goes on; what was on air at the kill is not on record

my %left = map { ("knownitem$_" => 1) } 31 .. 36;
delete @left{@before};
my $n = @before;

ok($t->wait_for(sub { aired('mixed') > $n + keys(%left) }, 25),
   'mixed: the rest of the pass');
my @after = grep { $left{$_} } (aired('mixed'))[$n .. $n + keys(%left)];
is(join(' ', sort @after), join(' ', sort keys %left),
   'mixed: nothing is left out');

$t->allow(qr/playlist could not be read|is not taken|playlist is cut/);
$t->finish;
