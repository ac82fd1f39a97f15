package domain

// Money is what happened to the customer's money.
type Money string

// The cases of a customer's money. In the cases without an answer, the bank's reply was lost or has not arrived yet.
const (
	MoneyNone            Money = "none" // nothing was charged
	MoneyPaid            Money = "paid"
	MoneyRefunded        Money = "refunded"
	MoneyPartlyRefunded  Money = "partly-refunded"   // the rest is the fee of a cancellation
	MoneyKept            Money = "kept"              // all of it is the fee of a cancellation
	MoneyCharged         Money = "charged"           // the trip is not confirmed yet
	MoneyRefunding       Money = "refunding"         // charged, and the refund is still outstanding
	MoneyPerhaps         Money = "perhaps"           // possibly charged: there is no answer yet
	MoneyPerhapsToRefund Money = "perhaps-refunding" // possibly charged, and the refund is still outstanding
)

// MoneyOf returns what happened to the money of a trip with this status and payment. refunded reports that there was a
// refund, kept that a cancellation has a fee, and refunding that the saga has begun a refund.
func MoneyOf(trip Status, payment StepState, refunded, kept, refunding bool) Money {
	refunding = refunding || trip == Cancelling
	switch {
	case payment == StepUndone && refunded && kept:
		return MoneyPartlyRefunded
	case payment == StepUndone && refunded:
		return MoneyRefunded
	case payment == StepUndone && kept:
		return MoneyKept
	case payment == StepDone && trip == Confirmed:
		return MoneyPaid
	case payment == StepDone && refunding:
		return MoneyRefunding
	case payment == StepDone:
		return MoneyCharged
	case payment == StepStarted && refunding:
		return MoneyPerhapsToRefund
	case payment == StepStarted:
		return MoneyPerhaps
	}
	return MoneyNone
}
