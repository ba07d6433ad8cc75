{% autoescape false %}
#!/bin/sh
# What POINT needs in Okta: its apps, who may use them, the trusted origin, and an access policy with its rule.
# Made for {{ organization }}. Needs curl and nothing else.
#
#   1. Create an API token in Okta under Security > API > Tokens.
#   2. sh okta.sh       It asks for the token, or reads it from OKTA_API_TOKEN. It never shows or keeps it.
#   3. Enter what it prints in POINT under Organization > Integrations > Okta, and save.
#
# It may run again: what is there already is left as it is.
set -eu
umask 077

okta=${OKTA_URL:-{{ okta }}}
origin={{ origin }}
server={{ server }}
name={{ name }}
flow=yes
line='
'

say() { printf '%s\n' "$*"; }
fail() { printf '%s\n' "$*" >&2; exit 1; }

command -v curl >/dev/null 2>&1 || fail "This script needs curl."
[ -n "$okta" ] || fail "Set OKTA_URL to the address of your Okta, such as https://acme.okta.com"
case $okta in *-admin.*) fail "OKTA_URL is the address of the Admin Console. Leave out -admin." ;; esac

if [ -z "${OKTA_API_TOKEN:-}" ]; then
  if [ -t 0 ]; then
    trap 'stty echo' EXIT INT TERM
    stty -echo
    printf 'API token (it is not shown): ' >&2
    IFS= read -r OKTA_API_TOKEN
    stty echo
    trap - EXIT INT TERM
    printf '\n' >&2
  else
    IFS= read -r OKTA_API_TOKEN || true
  fi
fi
[ -n "${OKTA_API_TOKEN:-}" ] || fail "There is no API token. Put it into OKTA_API_TOKEN, or type it when asked."
case $OKTA_API_TOKEN in *[!A-Za-z0-9._~-]*) fail "That is not an API token: it is one line of letters and digits." ;; esac

# ask METHOD PATH [BODY]: leaves the answer in $answer and its status in $status. The token goes to curl by its standard
# input, so that no other user of this computer sees it in the list of processes.
ask() {
  tries=0
  while :; do
    answer=$(printf 'header = "Authorization: SSWS %s"\n' "$OKTA_API_TOKEN" | curl --silent --show-error --config - \
      --max-time 30 --request "$1" --header 'Accept: application/json' --header 'Content-Type: application/json' \
      ${3+--data "$3"} --write-out '\n%{http_code}' "$okta$2") || fail "$okta cannot be reached."
    status=${answer##*"$line"}
    answer=${answer%"$line"*}
    tries=$((tries + 1))
    if [ "$status" = 429 ] && [ "$tries" -lt 10 ]; then
      say "  Okta asks us to wait ..."
      sleep 10
      continue
    fi
    break
  done
  case $status in
    401) case $answer in *E0000015*) return 0 ;; esac
      fail "Okta does not accept this API token. Create a new one under Security > API > Tokens." ;;
    403) fail "This API token may not do that ($1 $2). Let a Super Administrator create one." ;;
    429) fail "Okta is still busy. Run this again in a minute; what is there already is left as it is." ;;
    5??) fail "Okta could not do that just now ($1 $2, $status). Run this again in a minute." ;;
  esac
}

must() { case $status in 2??) ;; *) fail "Okta did not accept that ($1, $status): $answer" ;; esac; }
ids() { printf '%s' "$answer" | tr ',{' '\n\n' | sed -n 's/^ *"id" *: *"\([A-Za-z0-9._-]*\)".*/\1/p'; }
has() { printf '%s' "$answer" | tr -d ' \n' | grep -F -q -- "$(printf '%s' "$1" | tr -d ' ')"; }

# create WHAT PATH BODY PLAIN: without Interaction Code where Okta refuses that.
create() {
  if [ "$flow" = yes ]; then ask POST "$2" "$3"; else ask POST "$2" "$4"; fi
  if [ "$status" = 400 ] && [ "$flow" = yes ]; then
    flow=no
    ask POST "$2" "$4"
  fi
  must "$1"
}

# app LABEL REDIRECT-URI BODY PLAIN: leaves the Client ID in $client.
app() {
  client=
  ask GET "/api/v1/apps?q=$name&limit=100"
  must "$1"
  for id in $(ids); do
    ask GET "/api/v1/apps/$id"
    if has "\"label\":\"$1\"" && has "\"$2\""; then client=$id; break; fi
  done
  if [ -n "$client" ]; then
    say "$1: is there already"
  else
    create "$1" '/api/v1/apps?activate=true' "$3" "$4"
    client=$(ids | head -n 1)
    say "$1: created"
  fi
  ask PUT "/api/v1/apps/$client/groups/$everyone" '{}'
  must "$1, group Everyone"
}

ask GET '/api/v1/groups?q=Everyone'
must "Group Everyone"
everyone=$(ids | head -n 1)
[ -n "$everyone" ] || fail "There is no group Everyone."

clients=
{% for app in apps %}
app {{ app.label }} {{ app.redirect_uri }} {{ app.body }} {{ app.plain }}
{{ app.kind }}=$client
clients="$clients${clients:+,}\"$client\""
{% endfor %}

ask GET '/api/v1/trustedOrigins?limit=100'
must "Trusted origin"
if has "\"origin\":\"$origin\""; then
  say "Trusted origin $origin: is there already"
else
  ask POST /api/v1/trustedOrigins {{ origin_body }}
  must "Trusted origin"
  say "Trusted origin $origin: created"
fi

if [ "$server" != org ]; then
  ask GET "/api/v1/authorizationServers/$server"
  if [ "$status" != 200 ]; then
{% if server_may_be_org %}
    server=org
    say "Access policy: not needed (this Okta has no authorization server of its own)"
{% else %}
    fail "This Okta has no authorization server $server."
{% endif %}
  fi
fi
if [ "$server" != org ]; then
  policies="/api/v1/authorizationServers/$server/policies"
  policy=
  ask GET "$policies"
  must "Access policy"
  for id in $(ids); do
    ask GET "$policies/$id"
    if has "\"name\":\"$name\""; then policy=$id; break; fi
  done
  if [ -n "$policy" ]; then
    say "Access policy $name: is there already; look whether it is for the apps above"
  else
    ask POST "$policies" {{ policy_before }}"$clients"{{ policy_after }}
    must "Access policy"
    policy=$(ids | head -n 1)
    say "Access policy $name: created"
  fi
  ask GET "$policies/$policy/rules"
  must "Rule"
  if has "\"name\":\"$name\""; then
    say "Rule $name: is there already"
  else
    create "Rule" "$policies/$policy/rules" {{ rule_body }} {{ rule_plain }}
    say "Rule $name: created"
  fi
fi

say ""
say "Enter this in POINT under Organization > Integrations > Okta:"
{% for app in apps %}
{% if app.kind == "spa" %}
say "  SPA: Okta Client ID                       $spa"
say "  SPA: Okta Domain                          $okta"
{% else %}
say "  Native App: Okta Client ID (Native App)   $native"
say "  Native App: Okta Domain (Native App)      $okta"
{% endif %}
{% endfor %}
say "  Advanced > Authorization server           $server"
if [ "$flow" = no ]; then
  say ""
  say "One step is left: Okta refused the grant Interaction Code. Switch it on under Settings > Account > Embedded"
  say "widget sign-in support, then tick Interaction Code in both apps and in the rule, under Advanced."
fi
say ""
say "Now revoke the API token in Okta under Security > API > Tokens."
{% endautoescape %}
