package web

import "medbook/internal/auth"

// signInPasskey starts a session for whose passkey answered: POST /sign-in/passkey.
func (s *Server) signInPasskey(c *call) error {
	next := local(c.field("next"), "")
	in, err := s.Auth.SignInWithPasskey(c.context(), stranger(c.by), c.passkeyProof(), true)
	if err != nil {
		return s.signInRefused(c, signInView{next: next}, err)
	}
	return s.signedIn(c, in, next)
}

// passkeyProof is a passkey's answer, which a script put into a form.
func (c *call) passkeyProof() auth.Proof {
	return auth.Proof{Challenge: c.field("challenge"), Credential: []byte(c.field("credential"))}
}
