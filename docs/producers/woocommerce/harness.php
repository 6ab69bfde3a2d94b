<?php
/**
 * Runs the plugin without a shop: stands in for what it uses of WordPress and WooCommerce, lets an order be paid and
 * refunded, and works off the queue. HTTP is real.
 *
 *   TRACK_URL=... TRACK_KEY=... php harness.php [ORDER] [TIME]
 */

define( 'ABSPATH', __DIR__ );
define( 'DAYBOOK_TRACK_URL', getenv( 'TRACK_URL' ) );
define( 'DAYBOOK_TRACK_KEY', getenv( 'TRACK_KEY' ) );

$hooks = array();
$queue = array();
$log   = array();
$down  = 1; // So many requests fail before daybook can be reached.

function add_action( $hook, $function, $priority = 10, $arguments = 1 ) {
	$GLOBALS['hooks'][ $hook ][] = array( $function, $arguments );
}
function do_action( $hook, ...$arguments ) {
	foreach ( $GLOBALS['hooks'][ $hook ] as list( $function, $count ) ) {
		$function( ...array_slice( $arguments, 0, $count ) );
	}
}
function as_enqueue_async_action( $hook, $arguments, $group ) {
	$GLOBALS['queue'][] = array( $hook, $arguments );
}
function as_schedule_single_action( $time, $hook, $arguments, $group ) {
	$GLOBALS['queue'][] = array( $hook, $arguments ); // Time flies here.
}
function home_url() {
	return 'https://shop.example/';
}
function wp_parse_url( $url, $part ) {
	return parse_url( $url, $part );
}
function wp_get_environment_type() {
	return 'production';
}
function wp_json_encode( $value ) {
	return json_encode( $value, JSON_THROW_ON_ERROR );
}
function wc_get_price_decimals() {
	return 2;
}
function wc_format_decimal( $number, $decimals ) {
	return number_format( (float) $number, $decimals, '.', '' );
}
class WP_Error {
	public function __construct( private $message ) {}
	public function get_error_message() {
		return $this->message;
	}
}
function is_wp_error( $value ) {
	return $value instanceof WP_Error;
}
function wp_remote_post( $url, $request ) {
	if ( $GLOBALS['down']-- > 0 ) {
		return new WP_Error( 'Connection refused' );
	}
	$headers = array();
	foreach ( $request['headers'] as $name => $value ) {
		$headers[] = "$name: $value";
	}
	$http = array(
		'method'        => 'POST',
		'header'        => $headers,
		'content'       => $request['body'],
		'timeout'       => $request['timeout'],
		'ignore_errors' => true,
	);
	$body = @file_get_contents( $url, false, stream_context_create( array( 'http' => $http ) ) );
	if ( false === $body ) {
		return new WP_Error( error_get_last()['message'] );
	}
	return array( 'status' => (int) explode( ' ', $http_response_header[0] )[1], 'body' => $body );
}
function wp_remote_retrieve_response_code( $answer ) {
	return $answer['status'];
}
function wp_remote_retrieve_body( $answer ) {
	return $answer['body'];
}
class Logger {
	public function error( $message, $context ) {
		$GLOBALS['log'][] = $message;
	}
}
function wc_get_logger() {
	return new Logger();
}
class Refund {
	public function __construct( private $amount, private $created ) {}
	public function get_amount() {
		return $this->amount;
	}
	public function get_date_created() {
		return $this->created;
	}
}
class Order {
	public function __construct( private $id, private $total, private $paid, private $fee = '' ) {}
	public function get_id() {
		return $this->id;
	}
	public function get_total() {
		return $this->total;
	}
	public function get_currency() {
		return 'USD';
	}
	public function get_billing_email() {
		return 'ann@example.com';
	}
	public function get_payment_method() {
		return 'stripe';
	}
	public function get_date_paid() {
		return $this->paid;
	}
	public function get_meta( $key ) {
		return '_stripe_fee' === $key ? $this->fee : '';
	}
}
function wc_get_order( $id ) {
	return $GLOBALS['orders'][ $id ] ?? false;
}

require __DIR__ . '/daybook-charges.php';

$id     = $argv[1] ?? (string) random_int( 1000, 999999 );
$time   = new DateTimeImmutable( $argv[2] ?? 'now' );
$orders = array(
	$id         => new Order( $id, '19.9', $time, '0.88' ),
	"$id-free"  => new Order( "$id-free", '0.00', $time ),
	"$id-open"  => new Order( "$id-open", '7.00', null ),
	"$id-back"  => new Refund( 5.0, $time ),
);

// Gateways tell of a payment twice: when the customer comes back, and by a webhook.
do_action( 'woocommerce_payment_complete', $id, 'txn_1' );
do_action( 'woocommerce_payment_complete', $id, 'txn_1' );
do_action( 'woocommerce_payment_complete', "$id-free", '' );
do_action( 'woocommerce_order_refunded', $id, "$id-back" );
do_action( 'woocommerce_order_refunded', "$id-open", "$id-back" );

$sent = 0;
while ( $queue && $sent < 20 ) {
	list( $hook, $arguments ) = array_shift( $queue );
	do_action( $hook, ...$arguments );
	++$sent;
}
echo "$sent sent\n";
foreach ( $log as $line ) {
	fwrite( STDERR, "$line\n" );
}
exit( $queue ? 1 : 0 );
