// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ISettlement, ModelTerms} from "contracts/interfaces/ISettlement.sol";
import {FalseToken, FeeToken, HookToken, RebasingToken, Token} from "contracts/mocks/Tokens.sol";
import {ReentrantWallet} from "contracts/mocks/Wallets.sol";
import {VM} from "./Vm.sol";
import {AnyToken, Spec} from "./Spec.sol";

/// @notice Answers that it moved money, and takes it from the receiver.
contract RobbingToken is Token {
    function transferFrom(address, address to, uint256 amount) public override returns (bool) {
        _burn(to, amount);
        return true;
    }
}

/// @notice Money that comes in by `fund`, `deposit` and `bondOracle` is counted exactly, in all three alike.
contract TokensTest is Spec {
    /// @notice What pays `amount` of `token` in, in each of the three ways.
    function payments(address token, uint256 amount) internal returns (bytes[3] memory) {
        ModelTerms memory terms = termsWith(0, false);
        terms.token = token;
        (,, bool registered) = settlement.modelState(idOf(terms));
        if (!registered) register(terms);
        return [
            abi.encodeCall(settlement.fund, (terms, amount)),
            abi.encodeCall(settlement.deposit, (token, amount)),
            abi.encodeCall(settlement.bondOracle, (terms, oracle, amount))
        ];
    }

    function allRefuse(address token, uint256 amount, uint256 value, bytes memory expected) internal {
        bytes[3] memory calls = payments(token, amount);
        for (uint256 i = 0; i < calls.length; i++) {
            refuses(buyer, value, calls[i], expected);
        }
    }

    function valueMismatch(uint256 expected, uint256 actual) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ISettlement.ValueMismatch.selector, expected, actual);
    }

    function notExact(address token, uint256 received) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ISettlement.TokenNotExact.selector, token, 1000, received);
    }

    function test_TheValueSentIsTheAmountNamed() external {
        uint256[3] memory values = [uint256(0), 999, 1001];
        for (uint256 i = 0; i < values.length; i++) {
            allRefuse(NATIVE, 1000, values[i], valueMismatch(1000, values[i]));
        }
    }

    function test_TheNativeCoinDoesNotPayInTokens() external {
        address token = give(address(new Token()));
        allRefuse(token, 1000, 1000, valueMismatch(0, 1000));
        allRefuse(token, 1000, 1, valueMismatch(0, 1));
    }

    function test_AnAccountWithoutCodeIsNoToken() external {
        allRefuse(stranger, 1000, 0, abi.encodeWithSelector(ISettlement.TokenNotContract.selector, stranger));
    }

    function test_ATokenThatDeliversAnotherAmountIsRefused() external {
        address token = give(address(new FeeToken()));
        AnyToken(token).mint(address(settlement), 5000);
        allRefuse(token, 1000, 0, notExact(token, 990));
        token = give(address(new RebasingToken()));
        AnyToken(token).mint(address(settlement), 5000);
        allRefuse(token, 1000, 0, notExact(token, 1001));
    }

    function test_ATokenThatTakesInsteadIsSaidToDeliverNothing() external {
        RobbingToken token = new RobbingToken();
        token.mint(address(settlement), 5000);
        allRefuse(address(token), 1000, 0, notExact(address(token), 0));
    }

    function test_ATokenThatReturnsFalseIsRefused() external {
        FalseToken token = new FalseToken();
        give(address(token));
        token.fail(true);
        allRefuse(
            address(token), 1000, 0, abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(token))
        );
    }

    function test_WhatTheTokenAnswersComesThrough() external {
        Token token = new Token();
        token.mint(buyer, 1000);
        allRefuse(
            address(token),
            1000,
            0,
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(settlement), 0, 1000)
        );
    }

    /// @dev What the contract held before is no part of what comes in.
    function test_OnePaymentIsCountedBesideAnother() external {
        address token = give(address(new Token()));
        bytes[3] memory calls = payments(token, 1000);
        for (uint256 i = 0; i < calls.length; i++) {
            perform(buyer, calls[i]);
            equal(held(token, address(settlement)), 1000 * (i + 1));
        }
        equal(settlement.creditOf(token, buyer), 1000);
    }

    function test_ATokenThatCallsItsSenderDoesNotCountOnePaymentTwice() external {
        HookToken token = new HookToken();
        ReentrantWallet wallet = new ReentrantWallet(address(this));
        token.mint(address(wallet), 2000);
        wallet.execute(address(token), abi.encodeCall(token.approve, (address(settlement), 2000)));
        bytes memory call_ = abi.encodeCall(settlement.deposit, (address(token), 1000));
        wallet.plan(address(settlement), call_);

        VM.expectRevert(notExact(address(token), 2000));
        wallet.execute(address(settlement), call_);
    }
}
