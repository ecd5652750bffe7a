# shellcheck shell=bash
# What a team writes by hand: the change and the verification of a deploy, without approval, record or report.
# Arguments: the checkout, the commit, the service, the health URL. The commit has been fetched.
set -eu
cd "$1"
sha=$2 service=$3 url=$4
wc -c storage/logs/*.log > /tmp/deploy-marks.$$ 2>/dev/null || :
old=$(git rev-parse HEAD)

php artisan down --retry=60
git merge --ff-only --quiet "$sha"
git log --oneline --no-decorate -5
changed=$(git diff --name-only "$old" "$sha")
if [ ! -d vendor ] || printf '%s\n' "$changed" | grep -q '^composer\.'; then
  composer install --no-dev --optimize-autoloader --no-interaction
fi
php artisan migrate --force
php artisan config:cache
php artisan route:cache
php artisan view:cache
[ ! -e app/Providers/EventServiceProvider.php ] || php artisan event:cache
php artisan optimize
if printf '%s\n' "$changed" | grep -Eq '^(package|vite\.config|resources/(js|css|sass)/)'; then
  npm ci && npm run build
fi
sudo systemctl restart "$service"
php artisan queue:restart
php artisan up

git log --oneline --no-decorate -1
test "$(git rev-parse HEAD)" = "$sha"
if php artisan migrate:status | grep -Eq '^\| No |Pending *$'; then exit 1; fi
curl --fail --silent --show-error --output /dev/null "$url"
for log in storage/logs/*.log; do
  [ -f "$log" ] || continue
  before=$(awk -v name="$log" '$2 == name { print $1 }' /tmp/deploy-marks.$$)
  if tail -c "+$((${before:-0} + 1))" "$log" | grep -E '^\[[^]]*\] [^ ]*\.(ERROR|CRITICAL|ALERT|EMERGENCY):'; then exit 1; fi
done
rm -f /tmp/deploy-marks.$$
