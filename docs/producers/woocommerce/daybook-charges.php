<?php
/**
 * Plugin Name: daybook charges
 * Description: Sends every paid order and every refund to daybook as a Charge event.
 * Requires Plugins: woocommerce
 *
 * In wp-config.php:
 *
 *   define( 'DAYBOOK_TRACK_URL', 'https://daybook.example/acme-inc/projects/shop/sources/woocommerce/track' );
 *   define( 'DAYBOOK_TRACK_KEY', '...' );
 */

defined( 'ABSPATH' ) || exit;

/** Seconds until an event is sent again that daybook could not take. */
const DAYBOOK_RETRY_SECONDS = 60;

// The gateway has confirmed the payment.
add_action( 'woocommerce_payment_complete', 'daybook_order_paid' );
// The refund is made; where the gateway makes it and it fails, this does not fire.
add_action( 'woocommerce_order_refunded', 'daybook_order_refunded', 10, 2 );
add_action( 'daybook_send_charge', 'daybook_send_charge' );

function daybook_order_paid( $order_id ) {
	$order = wc_get_order( $order_id );
	if ( ! $order || $order->get_total() <= 0 ) {
		return; // A free order moves no money.
	}
	$data = array(
		'amount'     => daybook_amount( $order->get_total() ),
		'occurredAt' => daybook_time( $order->get_date_paid() ),
	);
	$fee  = $order->get_meta( '_stripe_fee' ); // Where WooCommerce's Stripe gateway has left it.
	if ( '' !== $fee ) {
		$data['fee'] = daybook_amount( $fee );
	}
	daybook_enqueue( $order, 'payment', $data );
}

function daybook_order_refunded( $order_id, $refund_id ) {
	$order  = wc_get_order( $order_id );
	$refund = wc_get_order( $refund_id );
	if ( ! $order || ! $refund || ! $order->get_date_paid() || $refund->get_amount() <= 0 ) {
		return; // What was never paid can't be given back.
	}
	$data = array(
		'amount_refunded' => daybook_amount( $refund->get_amount() ),
		'occurredAt'      => daybook_time( $refund->get_date_created() ),
	);
	daybook_enqueue( $order, "refund-$refund_id", $data );
}

/** Puts an event into Action Scheduler's queue, which is in the shop's database: nobody waits for it, and it is not lost. */
function daybook_enqueue( $order, $event, $data ) {
	$host = wp_parse_url( home_url(), PHP_URL_HOST );
	$item = array(
		// Made of what it is about: a hook that fires twice sends the same event twice, which has no effect.
		'eventId' => "$host/{$order->get_id()}/$event",
		'userId'  => $order->get_billing_email(),
		'data'    => $data + array(
			'status'   => 'succeeded',
			'currency' => $order->get_currency(),
			'chargeId' => "$host/{$order->get_id()}",
			'provider' => $order->get_payment_method(),
			'livemode' => 'production' === wp_get_environment_type(),
		),
	);
	as_enqueue_async_action( 'daybook_send_charge', array( $item ), 'daybook' );
}

/** Sends an event. 202: it is in the log. 4xx: it never will be. All else: later. */
function daybook_send_charge( $item ) {
	$envelope = array( 'track' => array( array( 'name' => 'Charge', 'payload' => array( $item ) ) ) );
	$answer   = wp_remote_post(
		DAYBOOK_TRACK_URL,
		array(
			'headers' => array( 'content-type' => 'application/json', 'x-api-key' => DAYBOOK_TRACK_KEY ),
			'body'    => wp_json_encode( $envelope ),
			'timeout' => 10,
		)
	);
	$status = is_wp_error( $answer ) ? 0 : (int) wp_remote_retrieve_response_code( $answer );
	if ( 202 === $status ) {
		return;
	}
	$said = is_wp_error( $answer ) ? $answer->get_error_message() : wp_remote_retrieve_body( $answer );
	wc_get_logger()->error( "{$item['eventId']}: $status $said", array( 'source' => 'daybook' ) );
	// Refused for good, but for a wrong key, which can be put right, and for what asks to come later.
	if ( $status < 400 || $status >= 500 || in_array( $status, array( 401, 403, 404, 408, 429 ), true ) ) {
		as_schedule_single_action( time() + DAYBOOK_RETRY_SECONDS, 'daybook_send_charge', array( $item ), 'daybook' );
	}
}

/** Decimal text, never a float: 49.9 is "49.90". */
function daybook_amount( $amount ) {
	return wc_format_decimal( $amount, wc_get_price_decimals() );
}

function daybook_time( $date ) {
	return gmdate( 'Y-m-d\TH:i:s\Z', $date->getTimestamp() );
}
