#!/bin/sh
# Orders a certificate over the REST order API from a CI pipeline and waits for
# it. Needs curl, jq and openssl.
#
#   CERTWRIGHT_URL     https://host:8443
#   CLIENT_ID          the credential's public id
#   CLIENT_SECRET      its secret
#   CERTWRIGHT_ROOTS   file with the root certificate; empty: the system's
#   ORDER_KEY          makes a repeated run of the same pipeline take up its
#                      order instead of making a second (the pipeline's id)
#
# usage: order.sh FAMILY NAME [NAME…]       FAMILY is dv, ov, ev or a private
#                                           PKI variant such as intranet-ssl
# writes key.pem, request.pem, cert.pem (leaf, then chain) in the present folder.
# Exit code 0: issued, 1: refused or rejected, 2: still waiting.
set -eu

api=$CERTWRIGHT_URL/api/certinext/v2
family=$1
shift
fetch() { curl -sS --fail-with-body ${CERTWRIGHT_ROOTS:+--cacert "$CERTWRIGHT_ROOTS"} "$@"; }

token=$(fetch -u "$CLIENT_ID:$CLIENT_SECRET" -d grant_type=client_credentials "$CERTWRIGHT_URL/oauth/token" | jq -er .access_token)
call() { fetch -H "Authorization: Bearer $token" -H 'Content-Type: application/json' "$@"; }

# The key stays where it is used; a run that is taken up again in the same folder
# keeps it, and the request, whose signature would be another one each time. The
# names come from the order, not from here.
umask 077
[ -s key.pem ] || { openssl ecparam -name prime256v1 -genkey -noout -out key.pem && rm -f request.pem; }
[ -s request.pem ] || openssl req -new -key key.pem -subj / -out request.pem

names=$(jq -nc '$ARGS.positional' --args "$@")
case $family in
dv | ov | ev)
	kind=ssl-certificates
	body=$(jq -n --rawfile csr request.pem --arg variant "$family" --argjson names "$names" --arg org "${ORGANIZATION:-}" '
	{productVariant: $variant, requestor: {name: "pipeline", email: "pipeline@example.com"},
	 certificate: {domain: $names[0], additionalDomains: $names[1:], autoSecureWww: false},
	 agreement: {signerName: "pipeline", signerPlace: "CI", accepted: true}, csr: $csr}
	+ if $org == "" then {} else {organization: {organizationNumber: $org}} end')
	;;
*)
	kind=private-pki-certificates
	body=$(jq -n --rawfile csr request.pem --arg variant "$family" --argjson names "$names" '
	{variant: $variant, hostname: $names[0], additionalHosts: $names[1:],
	 requestor: {name: "pipeline", email: "pipeline@example.com"}, csr: $csr}')
	;;
esac

# Another key is another order, whatever the pipeline calls itself.
repeat=${ORDER_KEY:-$(openssl rand -hex 16)}-$(openssl dgst -sha256 -r request.pem | cut -c1-16)
order=$(call -H "Idempotency-Key: $repeat" -d "$body" "$api/$kind" | jq -er .orderId)
echo "order $order" >&2

tries=${TRIES:-60}
while :; do
	status=$(call "$api/$kind/$order" | jq -er .status)
	case $status in
	issued) break ;;
	rejected | cancelled | revoked | expired | unknown)
		echo "order $order is $status" >&2
		exit 1
		;;
	pending-dcv) # shows what to publish, and has it looked at
		for name in "$@"; do
			call "$api/$kind/$order/dcv?domain=$name" | jq -r '"publish \(.recordType) \(.recordName) = \(.recordValue)"' >&2 || true
			call -d "{\"domain\":\"$name\"}" "$api/$kind/$order/dcv/verify" >&2 || true
		done
		;;
	esac
	tries=$((tries - 1))
	[ "$tries" -gt 0 ] || { echo "order $order is still $status" >&2; exit 2; }
	sleep "${WAIT:-10}"
done
call -H 'Accept: application/x-pem-file' "$api/$kind/$order/certificate" >cert.pem
openssl x509 -in cert.pem -noout -subject -enddate >&2
