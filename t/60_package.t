#!/usr/bin/perl

# The Debian package: it builds, lintian finds nothing, and in a copy of this
# system that is thrown away afterwards it is installed, upgraded, removed and
# purged, with Debian's own nginx running and Debian's own layout.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
my $out = "$t->{dir}/package";

plan skip_all => 'the package is not built under a sanitizer'
    if $ENV{DS_PRELOAD};
plan skip_all => 'dpkg-buildpackage is not installed'
    if !-x '/usr/bin/dpkg-buildpackage';

my ($status, $said) = $t->command(
    "$DirectStream::Test::ROOT/tools/package", $out);

is($status, 0, 'it is built, and lintian has no errors and no warnings')
    or diag($said);
unlike($said, qr/^[EW]:/m, 'it says none');
unlike($t->read_file('package/build.log'), qr/\.[ch]:\d+:\d+: warning:/,
       'the compiler has no warnings');

my ($deb) = grep { !/dbgsym/ } glob "$out/libnginx-mod-directstream_*.deb";

ok(defined $deb, 'a package') or do { $t->finish; exit };

my (undef, $list) = $t->command('dpkg-deb', '-c', $deb);

like($list, qr{\./$_\n}, "$_ is in it")
    for 'usr/lib/nginx/modules/ngx_directstream_module.so',
        'usr/sbin/directstream-check',
        'usr/sbin/directstream-schema',
        'usr/share/man/man8/directstream-check.8.gz',
        'usr/share/man/man8/directstream-schema.8.gz',
        'usr/sbin/directstream-youtube-auth',
        'usr/share/man/man8/directstream-youtube-auth.8.gz',
        'usr/share/nginx/modules-available/mod-directstream.conf',
        'usr/share/doc/libnginx-mod-directstream/README.md',
        'usr/share/doc/libnginx-mod-directstream/docs/README.md',
        'usr/share/doc/libnginx-mod-directstream/docs/api-reference.md',
        'usr/share/doc/libnginx-mod-directstream/examples/one-channel.conf';


# a name space of mounts, processes and network of its own, with a writable
# layer over this system; what is written is gone with it

$t->write_file('inside', <<'END');
#!/bin/sh

exec 2>&1
set -x
export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive
printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
rm -rf /var/lib/nginx/directstream
cd /

say () { set +x; echo "== $*"; set -x; }

state () {
    stat -c '%U %a' /var/lib/nginx/directstream || echo none
}

relay () {
    for i in $(seq 100); do
        pgrep -f 'directstream relay process' > /dev/null && return 0
        sleep 0.1
    done
    return 1
}

rm -f /etc/nginx/sites-enabled/* /etc/nginx/modules-enabled/*directstream*
dpkg -i /deb/one.deb; say "install $?"
ls -1 /etc/nginx/modules-enabled/
nginx -t; say "without a block $?"

cat > /etc/nginx/modules-enabled/90-channels.conf <<'CONF'
directstream {
    publish  rtmp://127.0.0.1:1935/live;

    stream channel {
        playlist  http://127.0.0.1:9/list.m3u;
    }
}
CONF
nginx -t; say "with a block $?"
nginx; say "start $?"
relay; say "relay $?"
say "state $(state)"
ls /var/lib/nginx/directstream
directstream-schema /var/lib/nginx/directstream/state.db; say "schema $?"

# the other order of the two modules
mv /etc/nginx/modules-enabled/50-mod-directstream.conf \
   /etc/nginx/modules-enabled/60-mod-directstream.conf
nginx -t; say "after rtmp $?"
mv /etc/nginx/modules-enabled/60-mod-directstream.conf \
   /etc/nginx/modules-enabled/10-mod-directstream.conf
nginx -t; say "before rtmp $?"
mv /etc/nginx/modules-enabled/10-mod-directstream.conf \
   /etc/nginx/modules-enabled/50-mod-directstream.conf

dpkg -i /deb/two.deb; say "upgrade $?"
nginx -s reload; say "reload $?"
relay; say "relay again $?"
test -e /var/lib/nginx/directstream/state.db; say "state kept $?"

nginx -s quit
rm /etc/nginx/modules-enabled/90-channels.conf
dpkg -r libnginx-mod-directstream; say "remove $?"
nginx -t; say "removed $?"
test -e /var/lib/nginx/directstream/state.db; say "removed, state kept $?"
dpkg -P libnginx-mod-directstream; say "purge $?"
nginx -t; say "purged $?"
say "purged, state $(state)"
test -z "$(find /etc/nginx /usr/lib/nginx /usr/share/nginx /var/lib/nginx \
    -name '*directstream*')"; say "nothing left $?"
END

$t->write_file('session', <<'END');
#!/bin/sh

# in a chroot, where / is no mount, the whole name space is private
mount --make-rprivate / 2> /dev/null

set -e
d=$1
mount -t tmpfs tmpfs "$d/layer"
mkdir "$d/layer/upper" "$d/layer/work" "$d/layer/root"
mount -t overlay -o "lowerdir=/,upperdir=$d/layer/upper,\
workdir=$d/layer/work" overlay "$d/layer/root"
cd "$d/layer/root"
mkdir deb
cp "$d"/one.deb "$d"/two.deb "$d"/inside deb
mount -t proc proc proc
mount -t tmpfs tmpfs tmp
mount -t tmpfs tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
mknod -m 666 dev/null c 1 3
mknod -m 666 dev/urandom c 1 9
mknod -m 666 dev/random c 1 8
mknod -m 666 dev/zero c 1 5
ip link set lo up 2> /dev/null || :
exec env -i /usr/sbin/chroot . /bin/sh /deb/inside
END

mkdir "$t->{dir}/layer";
$t->command('cp', $deb, "$t->{dir}/one.deb");

# an upgrade is the same with another version
$t->command('dpkg-deb', '-R', $deb, "$t->{dir}/raw");
my $control = $t->read_file('raw/DEBIAN/control');
$control =~ s/^(Version: .*)$/$1+1/m;
$t->write_file('raw/DEBIAN/control', $control);
$t->command('dpkg-deb', '-b', "$t->{dir}/raw", "$t->{dir}/two.deb");

SKIP: {
    my @space = ('unshare', '-m', '-p', '-n', '-u', '--fork', '--kill-child',
                 '--propagation', 'unchanged');
    my $private = 'mount --make-rprivate / 2> /dev/null;';
    my ($can) = $t->command(@space, 'sh', '-c',
        "$private mount -t tmpfs tmpfs $t->{dir}/layer && cd $t->{dir}/layer"
        . ' && mkdir u w r && mount -t overlay'
        . ' -o lowerdir=/,upperdir=u,workdir=w overlay r');

    skip 'no layer can be laid over this system here', 1 if $can != 0;

    my (undef, $log) = $t->command(@space, 'sh', "$t->{dir}/session",
                                   $t->{dir});

    my %said = $log =~ /^== (.*) (\S+)$/mg;

    for ('install', 'without a block', 'with a block', 'start', 'relay',
         'schema', 'after rtmp', 'before rtmp', 'upgrade', 'reload',
         'relay again', 'state kept', 'remove', 'removed',
         'removed, state kept', 'purge', 'purged', 'nothing left')
    {
        is($said{$_}, 0, $_) or diag($log), last;
    }

    like($log, qr/^== state www-data 700$/m, 'whose state_path is');
    like($log, qr/50-mod-directstream\.conf/, 'the module is enabled');
    like($log, qr/^== purged, state none$/m, 'nothing is left of the state');
}

$t->finish;
