package auth

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"time"

	"github.com/google/uuid"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// totpStep is how long a code lasts; the one before and the one after are taken
// too, for clocks that differ (RFC 6238, section 5.2).
const totpStep = 30 // seconds

var totpOptions = totp.ValidateOpts{Period: totpStep, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1} // what every app can do

// offerTOTP makes a secret. The challenge holds it, sealed.
func (s *Service) offerTOTP(a account, clinic string) (o Offer, err error) {
	secret := make([]byte, 20)
	rand.Read(secret) // never fails
	key, err := totp.Generate(totp.GenerateOpts{
		Issuer: clinic, AccountName: a.email, Secret: secret, Period: totpStep,
		Digits: totpOptions.Digits, Algorithm: totpOptions.Algorithm,
	})
	if err != nil {
		return o, err
	}
	o = Offer{ExpiresIn: challengeLife, Secret: key.Secret(), URI: key.URL()}
	o.Challenge, err = s.ask(challengeTOTP, a.user, o.Secret)
	return o, err
}

// answeredTOTP checks the first code of a TOTP, which shows that the app has its
// secret, and is used up by it.
func (s *Service) answeredTOTP(by Actor, n NewFactor, which uuid.UUID) (row factorRow, c challenge, err error) {
	var secret string
	if c, err = s.asked(n.Challenge, challengeTOTP, by.UserID, &secret); err != nil {
		return row, c, err
	}
	step, err := stepOf(secret, n.Code, s.DB.Now())
	if err != nil {
		return row, c, err
	}
	if step == 0 {
		return row, c, ErrWrongFactor
	}
	row.Kind, row.lastStep = TOTP, step
	row.sealed, err = s.Keys.Seal([]byte(secret), sealedFor(by.UserID, which))
	return row, c, err
}

// checkTOTP reports whether code is one of f's that was not used, and uses it
// and all before it up.
func (s *Service) checkTOTP(ctx context.Context, tx *sqldb.Tx, f factorRow, code Secret) (bool, error) {
	if f.Kind != TOTP {
		return false, nil
	}
	secret, err := s.Keys.Unseal(f.sealed, sealedFor(f.user, f.ID))
	if err != nil {
		return false, err
	}
	step, err := stepOf(string(secret), code, tx.Now())
	if err != nil || step == 0 {
		return false, err
	}
	n, err := useStep(ctx, tx, f.ID, step)
	return n > 0, err
}

// stepOf returns the step of time that code is of, and 0 for none near now.
func stepOf(secret string, code Secret, now time.Time) (step int64, err error) {
	present := now.Unix() / totpStep
	for _, s := range []int64{present, present - 1, present + 1} {
		want, err := totp.GenerateCodeCustom(secret, time.Unix(s*totpStep, 0), totpOptions)
		if err != nil {
			return 0, err
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			step = s
		}
	}
	return step, nil
}

// Picture returns what an app's camera reads: the offer's URI as a QR code, a PNG.
func (o Offer) Picture() (picture []byte, err error) {
	defer errs.Wrap(&err, "draw offer")
	key, err := otp.NewKeyFromURL(o.URI)
	if err != nil {
		return nil, err
	}
	drawn, err := key.Image(pictureSize, pictureSize)
	if err != nil {
		return nil, err
	}
	// Two colours make it small, and quick to pack.
	modules := image.NewPaletted(drawn.Bounds(), color.Palette{color.White, color.Black})
	draw.Draw(modules, modules.Bounds(), drawn, drawn.Bounds().Min, draw.Src)
	var b bytes.Buffer
	err = png.Encode(&b, modules)
	return b.Bytes(), err
}

const pictureSize = 400 // pixels: more than the code has modules, and few enough to send
