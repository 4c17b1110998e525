#!/usr/bin/perl

# Lists and media are read through source_proxy and from source_bind, by what
# a stream says or inherits; a proxy's password is never shown.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;

use MIME::Base64 qw(decode_base64);


my $t = DirectStream::Test->new;
my $pass = 'pr0xy-s3cret';

# what is refused, without a word of what may be a password

for my $b ([ "source_proxy ftp://u:$pass\@127.0.0.1:1;", qr/"scheme:/ ],
           [ "source_proxy u:$pass\@127.0.0.1;", qr/"scheme:/ ],
           [ "source_proxy http://u:$pass\@127.0.0.1;", qr/"scheme:/ ],
           [ "source_proxy http://u:$pass\@127.0.0.1:1/x;", qr/"scheme:/ ],
           [ "source_proxy 'http://u:$pass\@127.0.0.1:1/?a';", qr/"scheme:/ ],
           [ 'source_proxy off; source_proxy off;', qr/duplicate/ ],
           [ 'source_bind eth0;', qr/an address of this host/ ],
           [ 'source_bind 0.0.0.0;', qr/an address of this host/ ],
           [ 'source_bind 127.0.0.256;', qr/an address of this host/ ])
{
    my $file = $t->near_write(directstream => $b->[0])->{conf};
    my ($rc, $said) = $t->nginx_t($file);

    isnt($rc, 0, "refused: $b->[0]");
    like($said, $b->[1], 'with what is accepted');
    unlike($said, qr/$pass/, 'and no password');
}


# takes requests of a proxy's form and those of a server's, passes them on to
# the media server, and notes the form, who asked, from where, and for what

sub proxy {
    my ($port) = @_;

    my $to = $t->media =~ s{^http://}{}r;
    my $log = $t->dir . '/proxy.log';

    my $pid = fork;
    return $pid if $pid;

    local $SIG{CHLD} = 'IGNORE';
    my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 50,
                                  LocalPort => $port, ReuseAddr => 1)
        or POSIX::_exit(1);

    while (my $c = $s->accept) {
        next if fork;

        my ($head, $auth) = ('', '-');
        my $first = <$c> // '';
        my ($url) = $first =~ /^GET (\S+)/ or POSIX::_exit(1);
        my $form = $url =~ s{^http://([^/]+)}{} ? "proxy:$1" : 'server';

        while (defined(my $line = <$c>)) {
            last if $line =~ /^\r?\n/;
            $auth = decode_base64($1) if $line =~ /^Proxy-Auth\S+ Basic (\S+)/i;
            $head .= $line unless $line =~ /^(?:Proxy-|Connection:)/i;
        }

        open my $fh, '>>', $log or POSIX::_exit(1);
        syswrite $fh, "$form $auth " . $c->peerhost . " $url\n";

        my $m = IO::Socket::INET->new(PeerAddr => $to) or POSIX::_exit(1);
        print $m "GET $url HTTP/1.1\r\n${head}Connection: close\r\n\r\n";
        print $c $_ while read $m, $_, 16384;
        POSIX::_exit(0);
    }

    POSIX::_exit(0);
}


# what was asked for since the last call
my $seen = 0;

sub asked {
    my @lines = split /\n/, $t->read_file('proxy.log');
    my @new = @lines[ $seen .. $#lines ];

    $seen = @lines;
    return join "\n", @new;
}


$t->far;
my $port = $t->port;
my $proxy = "http://user:pr0xy%2Ds3cret\@127.0.0.1:$port";
my $shown = "http://127.0.0.1:$port";
my $pid = proxy($port);

# the name is one that only the proxy knows
$t->publish_file('list.m3u', join '', map { "http://media.invalid/$_\n" }
                                      qw(a.mp4 b.mp4));
$t->publish_file('own.m3u', "http://127.0.0.1:$port/a.mp4\n");
$t->publish_file('denied.m3u', "http://10.1.2.3/a.mp4\n");

$t->near(directstream => <<"END");
    source_proxy   $proxy;
    source_timeout 2s;
    deny_source    10.0.0.0/8;
    stream inherits { playlist http://media.invalid/list.m3u; }
    stream bound {
        playlist     http://127.0.0.1:$port/own.m3u;
        source_proxy off;
        source_bind  127.0.0.2;
    }
END

ok($t->wait_state('inherits', 'live', 15), 'through a proxy: on air');
ok($t->wait_state('bound', 'live', 15), 'from an address: on air');
ok($t->wait_for(sub { $t->field('inherits', 'playlist', 'played') >= 1 }, 15),
   'through a proxy: the next item');

my $log = asked();
like($log, qr{^proxy:media\.invalid user:$pass 127\.0\.0\.1 /list\.m3u$}m,
     'the list, and who asks');
like($log, qr{^proxy:media\.invalid user:$pass 127\.0\.0\.1 /b\.mp4$}m,
     'the media');
like($log, qr{^server - 127\.0\.0\.2 /own\.m3u$}m,
     'without, from an address: the list');
like($log, qr{^server - 127\.0\.0\.2 /a\.mp4$}m, 'and the media');
unlike($log, qr{^server - 127\.0\.0\.1}m, 'and never from another one');

my (undef, $def) = $t->api('GET', 'api/1/streams/inherits');
is($def->{source_proxy}, $shown, 'shown without its password');
(undef, $def) = $t->api('GET', 'api/1/streams/bound');
is($def->{source_proxy}, undef, 'none');
is($def->{source_bind}, '127.0.0.2', 'an address is shown');

# by the API, in the other modes

my ($code) = $t->api('POST', 'api/1/streams', { name => 'made',
    mode => 'download', playlist => 'http://media.invalid/list.m3u' });
is($code, 201, 'by the API: inherited');
ok($t->wait_state('made', 'live', 15), 'fetched: on air');
like(asked(), qr{^proxy:media\.invalid user:$pass 127\.0\.0\.1 /a\.mp4$}m,
     'fetched through it');

for my $try ([ { source_proxy => "gopher://u:$pass\@h:1" }, 400 ],
             [ { source_proxy => 5 }, 400 ],
             [ { source_bind => '::' }, 400 ],
             [ { source_proxy => $shown }, 200 ],
             [ { source_proxy => 'off', source_bind => '127.0.0.3',
                 playlist => "http://127.0.0.1:$port/own.m3u" }, 200 ])
{
    my ($got, $data, $r) = $t->api('PATCH', 'api/1/streams/made', $try->[0]);
    is($got, $try->[1], 'PATCH: ' . join ' ', %{ $try->[0] });
    unlike($r->{content}, qr/$pass/, 'without the password');
}

ok($t->wait_for(sub { asked() =~ m{^server - 127\.0\.0\.3 /a\.mp4$}m }, 15),
   'changed: from another address');

# as it is sent back it stays what it is, and so after a restart of nginx

$t->api('PATCH', 'api/1/streams/made', { source_proxy => $proxy,
    source_bind => 'off', playlist => 'http://media.invalid/list.m3u' });
(undef, $def) = $t->api('PATCH', 'api/1/streams/made',
                        { source_proxy => $shown, mode => 'direct' });
is($def->{source_proxy}, $shown, 'shown');

$t->stop_nginx('near');
asked();
$t->start_nginx('near');
ok($t->wait_state('made', 'live', 20), 'after a restart: on air');
ok($t->wait_for(sub { asked() =~ /^proxy:media\.invalid user:$pass/m }, 10),
   'through it still');

# the rules of access hold where an address is asked for

$t->create('denied', $t->media_url('denied.m3u'));
ok($t->wait_error('denied', 'source_denied', 10), 'an address that is denied');
unlike(asked(), qr{10\.1\.2\.3}, 'the proxy is not asked for it');
$t->api('DELETE', 'api/1/streams/denied');

# a proxy that is away is an outage: no item is consumed

$t->api('DELETE', 'api/1/streams/bound');
kill 'KILL', $pid;
waitpid $pid, 0;

my $failed = $t->field('made', 'playlist', 'failed');
ok($t->wait_error('made', 'source_refused', 20), 'the proxy is away');
is($t->field('made', 'playlist', 'failed'), $failed, 'no item fails for it');

$pid = proxy($port);
my $played = $t->field('made', 'playlist', 'played');
ok($t->wait_for(sub { $t->field('made', 'playlist', 'played') > $played }, 20),
   'it is back, and so is the stream');

# nothing of the password anywhere but in the configuration and the store

my @leaks = grep { $t->read_file($_) =~ /$pass|pr0xy%2D/ }
            map { glob $t->dir . "/near/$_" } qw(*.log);
is("@leaks", '', 'no password in a log');

my (undef, undef, $r) = $t->api('GET', 'api/1/streams');
unlike($r->{content}, qr/s3cret/, 'nor in the API');

kill 'KILL', $pid;
waitpid $pid, 0;

$t->finish;
