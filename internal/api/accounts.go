package api

import (
	"context"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/phi"
)

type registerInput struct {
	Body registerBody
}

type registerBody struct {
	Email       string `json:"email" format:"email" maxLength:"254" example:"ann@example.org"`
	Name        string `json:"name" minLength:"1" maxLength:"200" example:"Ann Example"`
	Password    string `json:"password" maxLength:"1024" example:"correct horse battery" doc:"At least 12 characters; none of the usual ones."`
	Phone       string `json:"phone,omitempty" maxLength:"40" example:"+1 212 555 0100"`
	TimeZone    string `json:"time_zone,omitempty" maxLength:"64" example:"America/New_York" doc:"An IANA name; UTC if left out."`
	DateOfBirth string `json:"date_of_birth,omitempty" format:"date" example:"1984-02-29"`
}

// register makes a patient of who asks: POST /v1/auth/register.
func (s *Server) register(ctx context.Context, by auth.Actor, in *registerInput) (directory.User, error) {
	b := in.Body
	return s.Directory.Register(ctx, stranger(by), directory.NewUser{
		Email: phi.Of(b.Email), Name: phi.Of(b.Name), Phone: phi.Of(b.Phone), TimeZone: b.TimeZone, DateOfBirth: given(b.DateOfBirth),
	}, auth.Secret(b.Password))
}

// presentRegistered shows what was sent, and nothing that tells whether the
// address was known: no version, no place to find it.
func presentRegistered(u directory.User) answer[meBody] {
	return answer[meBody]{Body: meBody{profileOf(u)}}
}

type verifyInput struct {
	Body verifyBody
}

type verifyBody struct {
	Token    string `json:"token" maxLength:"200" example:"5f0q9v3m…" doc:"Of the link in the message."`
	Password string `json:"password" maxLength:"1024" example:"correct horse battery" doc:"The one that was registered with."`
}

// verifyAddress shows that an address is the caller's: POST /v1/auth/verify.
func (s *Server) verifyAddress(ctx context.Context, by auth.Actor, in *verifyInput) (none, error) {
	return none{}, s.Auth.VerifyAddress(ctx, stranger(by), auth.Secret(in.Body.Token), auth.Secret(in.Body.Password))
}

type askResetInput struct {
	Body askResetBody
}

type askResetBody struct {
	Email string `json:"email" format:"email" maxLength:"254" example:"ann@example.org"`
}

// requestReset sends a link that sets a password: POST /v1/auth/password-reset.
func (s *Server) requestReset(ctx context.Context, by auth.Actor, in *askResetInput) (none, error) {
	return none{}, s.Auth.RequestReset(ctx, stranger(by), in.Body.Email)
}

type resetInput struct {
	Body resetBody
}

type resetBody struct {
	Token    string `json:"token" maxLength:"200" example:"5f0q9v3m…" doc:"Of the link in the message."`
	Password string `json:"password" maxLength:"1024" example:"correct horse battery" doc:"The new one: at least 12 characters; none of the usual ones."`
}

// resetPassword sets a password with a link: POST /v1/auth/password-reset/confirm.
func (s *Server) resetPassword(ctx context.Context, by auth.Actor, in *resetInput) (none, error) {
	return none{}, s.Auth.ResetPassword(ctx, stranger(by), auth.Secret(in.Body.Token), auth.Secret(in.Body.Password))
}

type changePasswordInput struct {
	Body changePasswordBody
}

type changePasswordBody struct {
	Password    string `json:"password" maxLength:"1024" example:"correct horse battery" doc:"The present one."`
	NewPassword string `json:"new_password" maxLength:"1024" example:"correct horse battery" doc:"At least 12 characters; none of the usual ones."`
}

// changePassword sets another password: POST /v1/auth/password.
func (s *Server) changePassword(ctx context.Context, by auth.Actor, in *changePasswordInput) (none, error) {
	return none{}, s.Auth.ChangePassword(ctx, by, auth.Secret(in.Body.Password), auth.Secret(in.Body.NewPassword))
}

type askEmailInput struct {
	Body askEmailBody
}

type askEmailBody struct {
	Email string `json:"email" format:"email" maxLength:"254" example:"ann.lee@example.org" doc:"The new address. It becomes the caller's when the link that is sent there is followed."`
}

// askForEmail begins a change of address: POST /v1/auth/email.
func (s *Server) askForEmail(ctx context.Context, by auth.Actor, in *askEmailInput) (none, error) {
	return none{}, s.Directory.AskForEmail(ctx, by, phi.Of(in.Body.Email))
}

type confirmEmailInput struct {
	Body confirmEmailBody
}

type confirmEmailBody struct {
	Token string `json:"token" maxLength:"200" example:"5f0q9v3m…" doc:"Of the link that was sent to the new address."`
}

// confirmEmail ends a change of address: POST /v1/auth/email/confirm.
func (s *Server) confirmEmail(ctx context.Context, by auth.Actor, in *confirmEmailInput) (none, error) {
	return none{}, s.Directory.ConfirmEmail(ctx, stranger(by), auth.Secret(in.Body.Token))
}

type setUpInput struct {
	Body setUpBody
}

type setUpBody struct {
	Token    string `json:"token" maxLength:"200" example:"5f0q9v3m…" doc:"Of the link that the server printed."`
	Email    string `json:"email" format:"email" maxLength:"254" example:"ruth@clinic.example"`
	Name     string `json:"name" minLength:"1" maxLength:"200" example:"Ruth Lind"`
	Password string `json:"password" maxLength:"1024" example:"correct horse battery" doc:"At least 12 characters; none of the usual ones."`
	TimeZone string `json:"time_zone,omitempty" maxLength:"64" example:"Europe/Berlin" doc:"An IANA name; the clinic's if left out, or UTC."`

	Clinic       *setUpClinicBody       `json:"clinic,omitempty" doc:"What the clinic is called."`
	Practitioner *setUpPractitionerBody `json:"practitioner,omitempty" doc:"The first practitioner. A link with which they set their password is sent to their address."`
}

type setUpClinicBody struct {
	Name     string `json:"name" minLength:"1" maxLength:"100" example:"Harbour Clinic"`
	TimeZone string `json:"time_zone,omitempty" maxLength:"64" example:"Europe/Berlin" doc:"An IANA name; UTC if left out."`
}

type setUpPractitionerBody struct {
	Email     string `json:"email" format:"email" maxLength:"254" example:"hannah@clinic.example"`
	Name      string `json:"name" minLength:"1" maxLength:"200" example:"Hannah Brandt"`
	Specialty string `json:"specialty,omitempty" maxLength:"100" example:"physiotherapy"`
	TimeZone  string `json:"time_zone,omitempty" maxLength:"64" example:"Europe/Berlin" doc:"An IANA name, of their working hours; the clinic's if left out, or UTC."`
}

// setUp makes the first admin, and what else a clinic begins with: POST /v1/setup.
func (s *Server) setUp(ctx context.Context, by auth.Actor, in *setUpInput) (directory.User, error) {
	b := in.Body
	first := directory.FirstRun{
		Admin:    directory.NewUser{Email: phi.Of(b.Email), Name: phi.Of(b.Name), TimeZone: b.TimeZone},
		Password: auth.Secret(b.Password),
	}
	if c := b.Clinic; c != nil {
		first.Clinic.Name = &c.Name
		if c.TimeZone != "" {
			first.Clinic.TimeZone = &c.TimeZone
		}
	}
	if p := b.Practitioner; p != nil {
		first.Practitioner = &directory.NewUser{Email: phi.Of(p.Email), Name: phi.Of(p.Name), Specialty: p.Specialty, TimeZone: p.TimeZone}
	}
	return s.Directory.SetUp(ctx, stranger(by), auth.Secret(b.Token), first)
}
