// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ISettlement, ModelTerms} from "contracts/interfaces/ISettlement.sol";
import {FalseToken, SilentToken, Token} from "contracts/mocks/Tokens.sol";
import {BouncingWallet, ReentrantWallet} from "contracts/mocks/Wallets.sol";
import {VM} from "./Vm.sol";
import {Spec} from "./Spec.sol";

/// @notice deposit and withdrawCredit: what an account may take out whenever it likes.
contract CreditTest is Spec {
    address internal constant HEIR = address(0x4E13);

    function creditOf(address token, address account) internal view returns (uint256) {
        return settlement.creditOf(token, account);
    }

    function drawCall(address token, uint256 amount, address to) internal view returns (bytes memory) {
        return abi.encodeCall(settlement.withdrawCredit, (token, amount, to));
    }

    function tooSmall(uint256 required, uint256 available) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ISettlement.CreditTooSmall.selector, required, available);
    }

    function test_ADepositIsTheCallersInEveryMoney() external {
        address[3] memory kinds = currencies();
        for (uint256 i = 0; i < kinds.length; i++) {
            bytes memory call_ = abi.encodeCall(settlement.deposit, (kinds[i], 7));

            expectCredited(kinds[i], seller, 7);
            perform(seller, valueOf(kinds[i], 7), call_);
            deposit(kinds[i], 4);

            equal(creditOf(kinds[i], seller), 11);
            equal(creditOf(kinds[i], buyer), 0);
            equal(held(kinds[i], address(settlement)), 11);
        }
    }

    function test_ItIsPaidWhereTheAccountSaysInEveryMoney() external {
        address[3] memory kinds = currencies();
        for (uint256 i = 0; i < kinds.length; i++) {
            deposit(kinds[i], 11);
            bytes memory call_ = drawCall(kinds[i], 7, HEIR);

            expectEvent();
            emit ISettlement.CreditWithdrawn(kinds[i], seller, HEIR, 7);
            perform(seller, call_);

            equal(creditOf(kinds[i], seller), 4);
            equal(held(kinds[i], HEIR), 7);
            equal(held(kinds[i], address(settlement)), 4);
        }
    }

    function test_AllOfTheCreditAndNoMore() external {
        deposit(NATIVE, 11);

        refuses(seller, drawCall(NATIVE, 12, HEIR), tooSmall(12, 11));
        perform(seller, drawCall(NATIVE, 11, HEIR));

        equal(creditOf(NATIVE, seller), 0);
        refuses(seller, drawCall(NATIVE, 1, HEIR), tooSmall(1, 0));
    }

    function test_CreditIsOfOneAccountInOneToken() external {
        address token = give(address(new Token()));
        deposit(NATIVE, 11);

        refuses(stranger, drawCall(NATIVE, 1, stranger), tooSmall(1, 0));
        refuses(seller, drawCall(token, 1, seller), tooSmall(1, 0));
    }

    function test_NothingIsNoAmountAndNobodyNoPayee() external {
        deposit(NATIVE, 11);
        refuses(seller, abi.encodeCall(settlement.deposit, (NATIVE, 0)), zeroAmount());
        refuses(seller, drawCall(NATIVE, 0, HEIR), zeroAmount());
        refuses(seller, drawCall(NATIVE, 1, NOBODY), zeroAddress());
    }

    function test_CreditAddsUpToAnyAmountButNotBeyondAWord() external {
        SilentToken token = new SilentToken();
        token.mint(seller, type(uint256).max);
        VM.prank(seller);
        token.approve(address(settlement), type(uint256).max);
        deposit(address(token), type(uint256).max);

        equal(creditOf(address(token), seller), type(uint256).max);
        refuses(
            seller,
            abi.encodeCall(settlement.deposit, (address(token), 1)),
            abi.encodeWithSignature("Panic(uint256)", 0x11)
        );
    }
}

/// @notice Uses more gas than a pushed payment has.
contract ThoroughWallet {
    uint256[8] public notes;

    receive() external payable {
        for (uint256 i = 0; i < 8; i++) {
            notes[i] = 1;
        }
    }
}

/// @notice Payments that the payee's own side asked for, by `withdraw` and `withdrawCredit`: made with all the gas
/// there is, or refused.
contract TransferTest is Spec {
    /// @notice What asks for `amount` of `token` to be paid to `to`, in both ways; and who may ask.
    function payouts(address token, uint256 amount, address to) internal returns (bytes[2] memory, address[2] memory) {
        ModelTerms memory terms = termsWith(0, false);
        terms.token = token;
        opened(terms);
        deposit(token, 1 ether);
        bytes[2] memory calls = [
            abi.encodeCall(settlement.withdraw, (terms, amount, to)),
            abi.encodeCall(settlement.withdrawCredit, (token, amount, to))
        ];
        return (calls, [buyer, seller]);
    }

    function fails(address token, address to) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ISettlement.TransferFailed.selector, token, to, 1000);
    }

    function test_APayeeThatRefusesIsNotPaid() external {
        address payee = address(new BouncingWallet(address(this)));
        (bytes[2] memory calls, address[2] memory askers) = payouts(NATIVE, 1000, payee);
        for (uint256 i = 0; i < 2; i++) {
            refuses(askers[i], calls[i], fails(NATIVE, payee));
        }
    }

    function test_APayeeMayUseMoreGasThanAPushedPaymentHas() external {
        ThoroughWallet wallet = new ThoroughWallet();
        (bytes[2] memory calls, address[2] memory askers) = payouts(NATIVE, 1000, address(wallet));
        for (uint256 i = 0; i < 2; i++) {
            perform(askers[i], calls[i]);
            equal(address(wallet).balance, 1000 * (i + 1));
        }
    }

    function test_ATokenThatReturnsFalseHasNotPaid() external {
        FalseToken token = new FalseToken();
        give(address(token));
        (bytes[2] memory calls, address[2] memory askers) = payouts(address(token), 1000, stranger);
        token.fail(true);
        for (uint256 i = 0; i < 2; i++) {
            refuses(askers[i], calls[i], fails(address(token), stranger));
        }
        token.fail(false);
        uint256 before = token.balanceOf(stranger);
        perform(askers[0], calls[0]);
        equal(token.balanceOf(stranger), before + 1000);
    }

    function test_ATokenThatIsGoneHasNotPaid() external {
        address token = give(address(new SilentToken()));
        (bytes[2] memory calls, address[2] memory askers) = payouts(token, 1000, stranger);
        VM.etch(token, "");
        for (uint256 i = 0; i < 2; i++) {
            refuses(askers[i], calls[i], fails(token, stranger));
        }
    }

    function test_CreditIsNotDrawnTwiceFromWithinItsPayment() external {
        ReentrantWallet wallet = new ReentrantWallet(address(this));
        deposit(NATIVE, 10);
        wallet.execute{value: 10}(address(settlement), abi.encodeCall(settlement.deposit, (NATIVE, 10)));
        bytes memory draw = abi.encodeCall(settlement.withdrawCredit, (NATIVE, 10, address(wallet)));
        wallet.plan(address(settlement), draw);

        wallet.execute(address(settlement), draw);

        isPaidOnce(wallet);
    }

    function test_ABudgetIsNotWithdrawnTwiceFromWithinItsPayment() external {
        ReentrantWallet wallet = new ReentrantWallet(address(this));
        ModelTerms memory terms = termsWith(0, false);
        terms.owner = address(wallet);
        deposit(NATIVE, 10);
        wallet.execute(address(settlement), abi.encodeCall(settlement.registerModel, (terms, oracle)));
        fund(terms, 10);
        bytes memory draw = abi.encodeCall(settlement.withdraw, (terms, 10, address(wallet)));
        wallet.plan(address(settlement), draw);

        wallet.execute(address(settlement), draw);

        isPaidOnce(wallet);
    }

    function isPaidOnce(ReentrantWallet wallet) internal view {
        assert(wallet.tried());
        assert(!wallet.succeeded());
        equal(address(wallet).balance, 10);
        equal(address(settlement).balance, 10);
    }
}
