package DirectStream::Npm;

# A tool of npm, of one version, installed into the build directory by the
# first test that wants it; never a part of the tree.

use strict;
use warnings;

use File::Path qw(make_path);


# the directory of its node_modules, or undef and why not
sub install {
    my ($class, $package, $version) = @_;

    return (undef, 'there is no npm')
        unless grep { -x "$_/npm" } split /:/, $ENV{PATH};

    (my $name = $package) =~ s{[@/]}{-}g;
    my $dir = ($ENV{DS_BUILD} || "$DirectStream::Test::ROOT/build")
        . "/npm/$name-$version";
    my $modules = "$dir/node_modules";

    return $modules if -e "$dir/done";

    make_path($dir);

    my $out = `cd '$dir' && timeout 120 npm install --no-audit --no-fund \\
               --ignore-scripts --no-save --prefix . --cache '$dir/cache' \\
               '$package\@$version' 2>&1`;

    return (undef, "npm installs no $package: "
            . ((split /\n/, $out)[-1] || 'it says nothing'))
        if $?;

    open my $fh, '>', "$dir/done" or return (undef, "$dir: $!");
    close $fh;

    return $modules;
}


1;
